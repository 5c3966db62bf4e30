"""Bodies of the events about people: who holds which role, who is authorized in writing, who is trained.

Who acted is the event's `actor_id`. What an event gives counts only when its actor may give it at that point of the
ledger (`gateway/access/acts.py`); what it takes away counts whoever wrote it.
"""

from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field

from schemas.messages import Name
from streams.ledger.body import Body

Role = Literal[
    "commander",
    "lpr-administrator",
    "investigator",
    "operator",
    "dispatcher",
    "auditor",
    "system-administrator",
    "5b-keeper",
]
ROLES: tuple[Role, ...] = get_args(Role)
Shift = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]


class ProgramFounded(Body):
    """The first commander and LPR administrator, appointed from outside in writing; counts while there is no commander.

    Its actor is whoever has the power to appoint, for example the chief.
    """

    kind = "program-founded"

    commander_id: Name
    administrator_id: Name
    document_id: Name


class RoleAssigned(Body):
    """Someone has a role in the program."""

    kind = "role-assigned"

    person_id: Name
    role: Role


class RoleEnded(Body):
    """Someone has a role no more."""

    kind = "role-ended"

    person_id: Name
    role: Role
    reason: Name


class DelegationGiven(Body):
    """The commander names who may approve in the commander's place, for a time."""

    kind = "delegation-given"

    delegate_id: Name
    document_id: Name
    from_at: AwareDatetime
    until_at: AwareDatetime


class DelegationEnded(Body):
    """All delegations to someone are over."""

    kind = "delegation-ended"

    delegate_id: Name


class AccessRequested(Body):
    """Someone asks for access to stored reads for themselves. An approval of the same id answers it."""

    kind = "access-requested"

    authorization_id: UUID
    person_id: Name
    assignment: Name
    purpose: Name


class AccessApproved(Body):
    """First act of an authorization in writing: the commander approves that someone may use stored reads.

    `shift` is when the assignment is worked, in the agency's local time; None when there is no fixed one.
    """

    kind = "access-approved"

    authorization_id: UUID
    person_id: Name
    document_id: Name
    assignment: Name
    purpose: Name
    from_at: AwareDatetime
    until_at: AwareDatetime
    shift: Shift | None = None


class AccessDenied(Body):
    """A request for access is answered with no. It takes away nothing that stands."""

    kind = "access-denied"

    authorization_id: UUID
    person_id: Name
    reason: Name


class AccessAuthorized(Body):
    """Second act: an LPR administrator authorizes what was approved, and the authorization stands."""

    kind = "access-authorized"

    authorization_id: UUID
    person_id: Name


class AccessReviewed(Body):
    """It was looked at whether someone's authorizations are still needed, and they are."""

    kind = "access-reviewed"

    person_id: Name
    document_id: Name


class AuthorizationRevoked(Body):
    """All authorizations of a person that stand before this event are over."""

    kind = "authorization-revoked"

    person_id: Name
    revoked_by: Name
    reason: Name


class AssignmentChanged(Body):
    """Someone's work is another: all authorizations that stand before this event are over."""

    kind = "assignment-changed"

    person_id: Name
    assignment: Name


class TrainingRecorded(Body):
    """Someone was trained by the unit."""

    kind = "training-recorded"

    person_id: Name
    trained_by: Name
    document_id: Name
    from_at: AwareDatetime
    until_at: AwareDatetime


PEOPLE = (
    ProgramFounded, RoleAssigned, RoleEnded, DelegationGiven, DelegationEnded, AccessRequested, AccessApproved,
    AccessDenied, AccessAuthorized, AccessReviewed, AuthorizationRevoked, AssignmentChanged, TrainingRecorded,
)  # fmt: skip
