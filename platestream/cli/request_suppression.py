"""`platestream request suppression`: requests of chapter 5B, for their keeper alone, over the gateway.

The plate is asked for and not shown: an argument would stay in the shell's history and in the list of processes.
"""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from platestream.cli.asking import open_gateway

app = typer.Typer(name="suppression", help="Requests of chapter 5B; only their keeper may.", no_args_is_help=True)

Context = typer.Context
Plate = Annotated[str, typer.Option(prompt=True, hide_input=True, help="asked for when it is not given")]
_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d"]


@app.command(epilog="Example: platestream request suppression add --until 2030-03-10")
def add(
    context: Context,
    plate: Plate,
    until: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="first moment after it, UTC")] = None,
) -> None:
    """Suppress a plate from now on, on the participant's written request; without --until it has no end."""
    with open_gateway(context.obj) as client:
        client.suppress(plate, until.replace(tzinfo=UTC) if until else None)
    print("done")


@app.command(epilog="Example: platestream request suppression end")
def end(context: Context, plate: Plate) -> None:
    """End a plate's suppression; whether it was on the list is not told."""
    with open_gateway(context.obj) as client:
        client.release(plate)
    print("done")


@app.command("list", epilog="Example: platestream request suppression list")
def list_(context: Context) -> None:
    """All plates that were ever suppressed, one JSON object a line."""
    with open_gateway(context.obj) as client:
        for one in client.show("/v1/suppressions"):
            print(json.dumps(one))
