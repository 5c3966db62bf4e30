"""`platestream person`: the access list and the training record, as events of the ledger."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platestream.clock import Clock, SystemClock
from platestream.settings import load_settings

if TYPE_CHECKING:
    from streams.ledger.ledger import Ledger

app = typer.Typer(name="person", help="Authorize, revoke and train people.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="id of the person")]
Document = Annotated[str, typer.Option(help="id of the document that this records")]
Days = Annotated[int, typer.Option(min=1, help="days from now until it lapses")]


@app.command()
def authorize(
    person: Person,
    document: Document,
    assignment: Annotated[str, typer.Option(help="the work assignment that requires access")],
    approved_by: Annotated[str, typer.Option(help="the commander who approved")],
    authorized_by: Annotated[str, typer.Option(help="the administrator who authorized")],
    days: Days = 365,
) -> None:
    """Put a person on the access list, by two other people."""
    from gateway.access import administration
    from streams.ledger.events import AuthorizationGranted

    def act(ledger: "Ledger[Any]", clock: Clock) -> int:
        granted = AuthorizationGranted(
            person_id=person,
            document_id=document,
            assignment=assignment,
            approved_by=approved_by,
            authorized_by=authorized_by,
            from_at=clock.now(),
            until_at=clock.now() + timedelta(days=days),
        )
        return administration.authorize(ledger, clock, granted)

    _record(act, f"{person} is on the access list for {days} days")


@app.command()
def revoke(
    person: Person,
    by: Annotated[str, typer.Option(help="who revokes")],
    reason: Annotated[str, typer.Option(help="why")],
) -> None:
    """Take a person off the access list at once."""
    from gateway.access import administration
    from streams.ledger.events import AuthorizationRevoked

    revoked = AuthorizationRevoked(person_id=person, revoked_by=by, reason=reason)
    _record(lambda ledger, clock: administration.revoke(ledger, clock, revoked), f"{person} is off the access list")


@app.command()
def train(
    person: Person,
    document: Document,
    trained_by: Annotated[str, typer.Option(help="who of the unit gave the training")],
    days: Days = 365,
) -> None:
    """Record that a person was trained by the unit."""
    from gateway.access import administration
    from streams.ledger.events import TrainingRecorded

    def act(ledger: "Ledger[Any]", clock: Clock) -> int:
        training = TrainingRecorded(
            person_id=person,
            document_id=document,
            trained_by=trained_by,
            from_at=clock.now(),
            until_at=clock.now() + timedelta(days=days),
        )
        return administration.record_training(ledger, clock, training)

    _record(act, f"{person} counts as trained for {days} days")


def _record(act: "Callable[[Ledger[Any], Clock], int]", done: str) -> None:
    with open_ledger() as ledger:
        print(f"{done} (ledger offset {act(ledger, SystemClock())})")


@contextmanager
def open_ledger() -> "Iterator[Ledger[Any]]":
    """The ledger of the settings' broker."""
    from gateway.access.state import AccessState, fold_access
    from streams.ledger.kafka import KafkaLedger
    from streams.registry import load_codec

    settings = load_settings()
    ledger = KafkaLedger(settings.kafka, load_codec(settings), fold_access, AccessState())
    try:
        yield ledger
    finally:
        ledger.close()
