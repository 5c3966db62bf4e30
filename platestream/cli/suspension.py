"""`platestream suspension`: one order stops collection, matching and queries everywhere, one act lets them go on."""

from typing import Annotated

import typer

from platestream.cli.acting import open_ledger, record
from platestream.cli.person import By, Document
from platestream.clock import SystemClock
from platestream.settings import load_settings

app = typer.Typer(name="suspension", help="Suspend all use by order, and lift it.", no_args_is_help=True)


@app.command()
def order(
    document: Document, ordered_by: Annotated[str, typer.Option(help="who ordered it, for example the court")], by: By
) -> None:
    """Suspend all use. Counts at once, whoever writes it."""
    from streams.ledger.suspending import SuspensionOrdered

    body = SuspensionOrdered(document_id=document, ordered_by=ordered_by)
    record(body, by=by, about=document, done="all use is suspended; health goes on")


@app.command()
def lift(document: Document, by: By) -> None:
    """Let use go on; the commander's act."""
    from gateway.access.administration import act
    from gateway.access.guard import Guard
    from gateway.access.limits import limits_of
    from streams.ledger.suspending import SuspensionLifted

    clock = SystemClock()
    with open_ledger() as ledger:
        Guard(ledger=ledger, clock=clock, limits=limits_of(load_settings().gateway)).check(by, "lift-suspension")
        offset = act(ledger, clock, SuspensionLifted(document_id=document), by=by, about=document)
    print(f"use goes on (ledger offset {offset})")


@app.command()
def show() -> None:
    """Every span of time in which use was suspended."""
    with open_ledger() as ledger:
        suspensions = ledger.replay_all().suspensions
    for span in suspensions.spans:
        print(f"{span.from_at.isoformat()} to {span.until_at.isoformat() if span.until_at else 'now: it stands'}")
    print("suspended" if suspensions.is_in_force else "in use")
