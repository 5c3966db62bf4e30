"""`platestream hold`: what investigations and charged people keep beyond 60 days, as events of the ledger."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer

from platestream.clock import SystemClock
from platestream.settings import load_settings

if TYPE_CHECKING:
    from sinks.holds.acts import HoldActs

app = typer.Typer(name="hold", help="Open, attest, end and list holds.", no_args_is_help=True)

HoldId = Annotated[UUID, typer.Argument(help="id of the hold")]
Document = Annotated[str, typer.Option(help="id of the document that this records")]
By = Annotated[str, typer.Option(help="who does it")]
Days = Annotated[int, typer.Option(min=1, help="days from now until it must be attested again")]


@app.command("open")
def open_(
    hold: Annotated[
        Path, typer.Argument(help="JSON file: hold_kind, case_number, document_id, selection; plates, read_ids")
    ],
    by: By,
    days: Days = 90,
) -> None:
    """Open a hold as a JSON file says; `-` is standard input, which keeps plates out of the command line."""
    from sinks.holds.acts import Named
    from streams.ledger.holding import HoldOpened

    said = json.loads(sys.stdin.read() if str(hold) == "-" else hold.read_text())
    named = Named(tuple(said.pop("plates", ())), tuple(UUID(id_) for id_ in said.pop("read_ids", ())))
    until = SystemClock().now() + timedelta(days=days)
    opened = HoldOpened.model_validate({"hold_id": uuid4(), "opened_by": by, "attested_until": until, **said})
    _act(lambda acts: acts.open(opened, named), f"hold {opened.hold_id} is open; attest it within {days} days")


@app.command()
def attest(hold: HoldId, document: Document, by: By, days: Days = 90) -> None:
    """Say that a hold is needed still."""
    until = SystemClock().now() + timedelta(days=days)
    _change(
        hold, f"stands for {days} days", change="attested", document_id=document, changed_by=by, attested_until=until
    )


@app.command()
def inactive(
    hold: HoldId,
    schedule: Annotated[str, typer.Option(help="id of the retention schedule")],
    destroy_at: Annotated[datetime, typer.Option(help="when what it keeps is destroyed, UTC")],
    by: By,
) -> None:
    """Say that an investigation is over, and when what it keeps is destroyed."""
    at = f"{destroy_at.isoformat()}Z"
    _change(hold, f"goes at {at}", change="inactive", document_id=schedule, changed_by=by, destroy_at=at)


@app.command()
def dispose(hold: HoldId, document: Document, by: By) -> None:
    """Say that a charge is resolved or dismissed; what the hold keeps goes with the next sweep."""
    _change(hold, "goes with the next sweep", change="disposed", document_id=document, changed_by=by)


@app.command("list")
def list_(
    counts: Annotated[
        bool, typer.Option("--counts", help="with the reads that each keeps; with chDB storage must not run meanwhile")
    ] = False,
) -> None:
    """All holds that have not ended, one JSON object a line, without what they name."""

    def show(acts: "HoldActs") -> int:
        reads, now = _reads_kept() if counts else None, acts.clock.now()
        for hold in acts.ledger.replay_all().holds.values():
            said = json.loads(hold.opened.model_dump_json(exclude={"selection": {"device_ids", "area"}}))
            standing = {
                "attested_until": hold.attested_until.isoformat(),
                "destroy_at": hold.destroy_at and hold.destroy_at.isoformat(),
                "is_disposed": hold.is_disposed,
                "is_lapsed": hold.is_lapsed(now),
                "takes_reads": hold.takes_reads(now),
            }
            print(json.dumps({**said, **standing, **({} if reads is None else {"reads": reads.get(hold.id, 0)})}))
        return 0

    _act(show, "")


def _reads_kept() -> dict[UUID, int]:
    from sinks.clickhouse.store import Store
    from sinks.holds.copying import HeldRows

    with closing(Store(load_settings())) as store:
        return HeldRows(store).counts()


def _change(hold_id: UUID, done: str, **fields: Any) -> None:
    from streams.ledger.holding import HoldChanged

    changed = HoldChanged.model_validate({"hold_id": hold_id, **fields})
    _act(lambda acts: acts.change(changed), f"hold {hold_id} {done}")


def _act(act: "Callable[[HoldActs], int]", done: str) -> None:
    from sinks.holds.acts import HoldActs, load_hold_seals
    from sinks.holds.state import HoldsState, fold_holds
    from streams.ledger.kafka import KafkaLedger
    from streams.registry import load_codec

    settings = load_settings()
    with closing(KafkaLedger(settings.kafka, load_codec(settings), fold_holds, HoldsState())) as ledger:
        offset = act(HoldActs(ledger, SystemClock(), load_hold_seals(settings), settings.retention))
    if done:
        print(f"{done} (ledger offset {offset})")
