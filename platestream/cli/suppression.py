"""`platestream suppression`: the list of suppressed plates, for its keeper alone.

The plate is asked for and not shown: an argument would stay in the shell's history and in the list of processes.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.suppressions.writing import SuppressionKeeper

app = typer.Typer(name="suppression", help="Put plates on the list of suppressed ones.", no_args_is_help=True)

Plate = Annotated[str, typer.Option(prompt=True, hide_input=True, help="asked for when it is not given")]


@app.command()
def add(
    plate: Plate,
    until: Annotated[datetime | None, typer.Option(help="first moment after it, UTC; default: no end")] = None,
) -> None:
    """Suppress a plate from now on, on the participant's written request."""
    _keeper().suppress(plate, until.replace(tzinfo=UTC) if until else None)
    print("done")


@app.command()
def end(plate: Plate) -> None:
    """End a plate's suppression."""
    _keeper().release(plate)
    print("done")


def _keeper() -> "SuppressionKeeper":
    from platestream.clock import SystemClock
    from platestream.settings import load_settings
    from streams.registry import load_codec
    from streams.suppressions.secrecy import load_suppression_key
    from streams.suppressions.writing import SuppressionKeeper

    settings = load_settings()
    return SuppressionKeeper(settings.kafka, load_codec(settings), load_suppression_key(settings), SystemClock())
