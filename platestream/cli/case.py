"""`platestream case`: cases known to the system, and leave to track a plate within one."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from platestream.cli.acting import one_of, record, record_on_plate
from platestream.cli.person import By
from platestream.clock import SystemClock

app = typer.Typer(name="case", help="Register cases; permit tracking.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="case or incident number")]


@app.command()
def register(number: Number, offence: Annotated[str, typer.Option(help="category of the offence")], by: By) -> None:
    """Make a case known, so that searches for it are not flagged."""
    from streams.ledger.purposes import OFFENCES, CaseRegistered

    category = one_of(offence, OFFENCES, "--offence")
    body = CaseRegistered.model_validate({"case_number": number, "offence_category": category})
    record(body, by=by, about=number, done=f"case {number} is known")


@app.command()
def close(number: Number, by: By) -> None:
    """A case is investigated no more: later searches for it are flagged."""
    from streams.ledger.purposes import CaseClosed

    record(CaseClosed(case_number=number), by=by, about=number, done=f"case {number} is closed")


@app.command("permit-tracking")
def permit_tracking(  # noqa: PLR0913, PLR0917 - one argument a field of the permit
    number: Number,
    person: Annotated[str, typer.Option(help="who may search for the plate again and again")],
    text: Annotated[str, typer.Option(help="the facts that it rests on")],
    hours: Annotated[float, typer.Option(min=0.1, help="hours until it expires; an exigency ends sooner by itself")],
    by: By,
    plate: Annotated[str, typer.Option(prompt=True, help="the plate")],
    warrant: Annotated[str | None, typer.Option(help="number of the warrant; without it this is an exigency")] = None,
) -> None:
    """A supervisor, never the person concerned, puts a warrant or an exigency on record."""
    from gateway.access.administration import new_id
    from streams.ledger.purposes import TrackingPermitted

    permit_id = new_id()
    body = TrackingPermitted(
        permit_id=permit_id,
        person_id=person,
        case_number=number,
        basis="warrant" if warrant else "exigency",
        warrant_number=warrant,
        text=text,
        until_at=SystemClock().now() + timedelta(hours=hours),
    )
    record_on_plate(body, by=by, plate=plate, done=f"permit {permit_id} is on record")


@app.command("end-tracking")
def end_tracking(permit: Annotated[UUID, typer.Argument(help="id of the permit")], by: By) -> None:
    """End a permit before its time."""
    from streams.ledger.purposes import TrackingEnded

    record(TrackingEnded(permit_id=permit), by=by, about=str(permit), done="the permit is over")
