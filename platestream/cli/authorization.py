"""`platestream authorization`: access in writing, as two acts by two people; its review and its end."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from platestream.cli.acting import record
from platestream.cli.person import By, Document, Person
from platestream.clock import SystemClock

app = typer.Typer(name="authorization", help="Approve, authorize, review, revoke access.", no_args_is_help=True)


@app.command()
def approve(  # noqa: PLR0913, PLR0917 - one argument a field of the document
    person: Person,
    document: Document,
    assignment: Annotated[str, typer.Option(help="the work assignment that requires access")],
    purpose: Annotated[str, typer.Option(help="what access is for")],
    by: By,
    days: Annotated[int, typer.Option(min=1, help="days from now until it ends")] = 365,
    shift: Annotated[str | None, typer.Option(help="hours of the assignment, such as 07:00-17:00")] = None,
) -> None:
    """First act, the commander's or a delegate's. Prints the id that the second act names."""
    from gateway.access.administration import new_id
    from streams.ledger.people import AccessApproved

    authorization_id, now = new_id(), SystemClock().now()
    body = AccessApproved(
        authorization_id=authorization_id,
        person_id=person,
        document_id=document,
        assignment=assignment,
        purpose=purpose,
        from_at=now,
        until_at=now + timedelta(days=days),
        shift=shift,
    )
    record(body, by=by, about=person, done=f"approved as {authorization_id}; an administrator must authorize it")


@app.command()
def authorize(
    person: Person, authorization: Annotated[UUID, typer.Argument(help="id that was printed at approval")], by: By
) -> None:
    """Second act, an LPR administrator's: from here on the authorization stands."""
    from streams.ledger.people import AccessAuthorized

    body = AccessAuthorized(authorization_id=authorization, person_id=person)
    record(body, by=by, about=person, done=f"{person} is on the access list")


@app.command()
def review(person: Person, by: By, document: Document) -> None:
    """The yearly review: it was looked at, and access is still needed. Without it an authorization lapses by itself."""
    from streams.ledger.people import AccessReviewed

    body = AccessReviewed(person_id=person, document_id=document)
    record(body, by=by, about=person, done=f"the authorizations of {person} were reviewed")


@app.command()
def revoke(person: Person, by: By, reason: Annotated[str, typer.Option(help="why")]) -> None:
    """Take a person off the access list at once."""
    from streams.ledger.people import AuthorizationRevoked

    body = AuthorizationRevoked(person_id=person, revoked_by=by, reason=reason)
    record(body, by=by, about=person, done=f"{person} is off the access list")
