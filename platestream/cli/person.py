"""`platestream person`: who holds which role in the program, and whose work it is."""

from datetime import timedelta
from typing import Annotated

import typer

from platestream.cli.acting import one_of, open_ledger, record, record_on_plate
from platestream.clock import SystemClock

app = typer.Typer(name="person", help="Found the program, give roles, change work, show people.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="id of the person")]
By = Annotated[str, typer.Option(help="id of the person who acts")]
Document = Annotated[str, typer.Option(help="id of the document that this records")]
Role = Annotated[str, typer.Argument(help="role: see `platestream access roles`")]


@app.command()
def found(
    commander: Annotated[str, typer.Option(help="id of the first commander")],
    administrator: Annotated[str, typer.Option(help="id of the first LPR administrator")],
    document: Document,
    by: Annotated[str, typer.Option(help="who appoints, for example the chief")],
) -> None:
    """Name the first commander and administrator. Counts only while there is no commander."""
    from streams.ledger.people import ProgramFounded

    body = ProgramFounded(commander_id=commander, administrator_id=administrator, document_id=document)
    record(body, by=by, about="program", done=f"{commander} commands the program")


@app.command("assign-role")
def assign_role(person: Person, role: Role, by: By) -> None:
    """Give a role; the commander's act."""
    from streams.ledger.people import ROLES, RoleAssigned

    body = RoleAssigned.model_validate({"person_id": person, "role": one_of(role, ROLES, "ROLE")})
    record(body, by=by, about=person, done=f"{role} given")


@app.command("end-role")
def end_role(person: Person, role: Role, by: By, reason: Annotated[str, typer.Option(help="why")]) -> None:
    """Take a role away."""
    from streams.ledger.people import ROLES, RoleEnded

    body = RoleEnded.model_validate({"person_id": person, "role": one_of(role, ROLES, "ROLE"), "reason": reason})
    record(body, by=by, about=person, done=f"{role} ended")


@app.command()
def delegate(
    person: Person, by: By, document: Document, days: Annotated[int, typer.Option(min=1, help="days from now")]
) -> None:
    """Let someone approve in the commander's place, for a time; the commander's act."""
    from streams.ledger.people import DelegationGiven

    now = SystemClock().now()
    until = now + timedelta(days=days)
    body = DelegationGiven(delegate_id=person, document_id=document, from_at=now, until_at=until)
    record(body, by=by, about=person, done=f"{person} approves in the commander's place for {days} days")


@app.command("end-delegation")
def end_delegation(person: Person, by: By) -> None:
    """End all delegations to someone."""
    from streams.ledger.people import DelegationEnded

    record(DelegationEnded(delegate_id=person), by=by, about=person, done="delegation ended")


@app.command("change-assignment")
def change_assignment(
    person: Person, by: By, assignment: Annotated[str, typer.Option(help="the work from now")]
) -> None:
    """Someone's work is another: their authorizations end at once."""
    from streams.ledger.people import AssignmentChanged

    body = AssignmentChanged(person_id=person, assignment=assignment)
    record(body, by=by, about=person, done=f"the authorizations of {person} ended with the assignment")


@app.command("note-plate")
def note_plate(person: Person, by: By, plate: Annotated[str, typer.Option(prompt=True, help="their plate")]) -> None:
    """Searches for a plate of someone of the program will be looked at by somebody else."""
    from streams.ledger.purposes import StaffPlateNoted

    record_on_plate(StaffPlateNoted(person_id=person), by=by, plate=plate, done="plate noted, as a keyed hash")


@app.command()
def show(person: Person) -> None:
    """What stands for a person in the ledger."""
    with open_ledger() as ledger:
        access = ledger.replay_all().person(person)
    print(f"roles: {', '.join(sorted(access.roles)) or 'none'}")
    for granted in access.authorizations:
        approved = granted.approved
        print(
            f"authorization {approved.authorization_id}: {approved.document_id}, {approved.assignment}, "
            f"{approved.from_at:%Y-%m-%d} to {approved.until_at:%Y-%m-%d}, approved by {granted.approved_by}, "
            f"authorized by {granted.authorized_by}, {len(granted.reviewed_at)} reviews"
        )
    for waiting in access.approved:
        print(f"approved, waits for an administrator: {waiting}")
    for training in access.trainings:
        print(f"training {training.document_id}: {training.from_at:%Y-%m-%d} to {training.until_at:%Y-%m-%d}")
