"""`platestream hotlist`: lists of plates that are looked for."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from platestream.clock import SystemClock
from platestream.settings import MatchingSettings, Settings, load_settings
from schemas.codec import Codec

if TYPE_CHECKING:
    from streams.hotlists.load import LoadResult
    from streams.hotlists.templates import HotlistTemplate

_LEDGER_SECONDS = 10.0

app = typer.Typer(name="hotlist", help="Load lists of plates that are looked for.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `load` a command of its own while it is the only one."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="delimited, with a header line")],
    template: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="TOML: source, lawful source, format")],
    extracted_at: Annotated[
        datetime | None, typer.Option(help="when the source made its extract, UTC; default: now")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="accept a list that grew or shrank a lot")] = False,
) -> None:
    """Make a file the whole list of its source: entries that are no longer in it are removed."""
    from streams.registry import load_codec

    settings = load_settings()
    at = extracted_at.replace(tzinfo=UTC) if extracted_at else SystemClock().now()
    with file.open(encoding="utf-8-sig", newline="") as lines:
        print(load_list(settings, load_codec(settings), lines, template, at, force=force))


def load_list(
    settings: Settings, codec: Codec, lines: Iterable[str], template_file: Path, extracted_at: datetime, *, force: bool
) -> str:
    """Read a list with its template and put it in force; a sentence on what was done.

    Raises ConfigError, InvalidMessage or TransientError, and the old list stays in force.
    """
    from streams.hotlists.files import read_hotlist
    from streams.hotlists.load import load_file
    from streams.hotlists.templates import check_partial_categories, read_template

    template = read_template(template_file)
    check_partial_categories(template, settings.matching)
    found = read_hotlist(lines, template, extracted_at)
    result = load_file(settings.kafka, codec, found, template, force=force)
    _tell(settings, codec, template.source, result, extracted_at)
    bad = "".join(f"; line {fault.line} left out ({fault.reason})" for fault in found.faults)
    kinds = Counter(entry.match_kind.value for entry in found.entries)
    by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    return (
        f"{template.source}: {result.published} entries in force ({by_kind}), {result.removed} removed, "
        f"{found.expired_rows} had expired{bad}; {_ages(template, settings.matching)}"
    )


def _tell(settings: Settings, codec: Codec, source: str, result: "LoadResult", extracted_at: datetime) -> None:
    """Put the load into the ledger, for the public log. Keeps: log.public"""
    from streams.ledger.events import new_event
    from streams.ledger.kafka import TOPIC
    from streams.ledger.publishing import ListLoaded
    from streams.ledger.writing import LedgerWriter

    loaded = ListLoaded(
        source=source, entry_count=result.published, removed_count=result.removed, extracted_at=extracted_at
    )
    event = new_event(loaded, at=SystemClock().now(), actor_id="hotlists", subject_id=source)
    with closing(LedgerWriter(settings.kafka, codec, TOPIC, _LEDGER_SECONDS)) as ledger:
        ledger.append(event)


def _ages(template: "HotlistTemplate", matching: MatchingSettings) -> str:
    limits = matching.limits_of(template.source)
    stale = min(limits.stale_after_hours, template.stale_after_hours or limits.stale_after_hours)
    dropped = min(limits.dropped_after_hours, template.dropped_after_hours or limits.dropped_after_hours)
    return f"marked stale {stale:g} h after the extract, no alert after {dropped:g} h"
