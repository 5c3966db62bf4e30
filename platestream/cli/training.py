"""`platestream training`: who was trained by the unit, and until when that counts."""

from datetime import timedelta
from typing import Annotated

import typer

from platestream.cli.acting import record
from platestream.cli.person import By, Document, Person
from platestream.clock import SystemClock

app = typer.Typer(name="training", help="Record training.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """One command so far; its name stays part of the call."""


@app.command("record")
def record_training(
    person: Person,
    document: Document,
    trained_by: Annotated[str, typer.Option(help="who of the unit gave the training")],
    by: By,
    days: Annotated[int, typer.Option(min=1, help="days from now until it expires")] = 365,
) -> None:
    """Record that a person was trained; the act of the commander or an LPR administrator."""
    from streams.ledger.people import TrainingRecorded

    now = SystemClock().now()
    body = TrainingRecorded(
        person_id=person,
        trained_by=trained_by,
        document_id=document,
        from_at=now,
        until_at=now + timedelta(days=days),
    )
    record(body, by=by, about=person, done=f"{person} counts as trained for {days} days")
