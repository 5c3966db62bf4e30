"""Who may do what to roles, the access list and the training record, and what each act changes.

Keeps: access.approval, program.administration
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gateway.access.checks import check_dates, check_may, check_other
from gateway.access.roles import may
from gateway.access.state import AccessState, Authorization, Delegation, PersonAccess
from platestream.errors import RefusedError
from schemas.messages import LedgerEvent
from streams.ledger.people import (
    AccessApproved,
    AccessAuthorized,
    AccessDenied,
    AccessRequested,
    AccessReviewed,
    AssignmentChanged,
    AuthorizationRevoked,
    DelegationEnded,
    DelegationGiven,
    ProgramFounded,
    RoleAssigned,
    RoleEnded,
    TrainingRecorded,
)

_APPROVAL, _TRAINING, _PROGRAM = "access.approval", "training.before-use", "program.administration"
_MOST_REQUESTS = 5  # of one person at a time


def _check_founded(state: AccessState, event: LedgerEvent, body: ProgramFounded) -> None:
    if state.has_commander():
        raise RefusedError(_PROGRAM, "The program has a commander; who comes next is the commander's act.")
    if len({event.actor_id, body.commander_id, body.administrator_id}) < 3:
        raise RefusedError(_PROGRAM, "Whoever appoints, the commander and the administrator are three people.")


def _check_role(state: AccessState, event: LedgerEvent, body: RoleAssigned) -> None:
    check_other(_PROGRAM, event, body.person_id)
    check_may(state, event, "assign-role", _PROGRAM)


def _check_delegation(state: AccessState, event: LedgerEvent, body: DelegationGiven) -> None:
    check_other(_PROGRAM, event, body.delegate_id)
    check_may(state, event, "delegate", _PROGRAM)
    check_dates(_PROGRAM, body.from_at, body.until_at)


def _check_requested(state: AccessState, event: LedgerEvent, body: AccessRequested) -> None:
    if event.actor_id != body.person_id:
        raise RefusedError(_APPROVAL, "Access is requested by whoever is to have it.")
    if len(state.person(body.person_id).requested) >= _MOST_REQUESTS:
        raise RefusedError(_APPROVAL, "Your requests wait for an answer; the commander sees them.")


def _check_approved(state: AccessState, event: LedgerEvent, body: AccessApproved) -> None:
    _check_approver(state, event, body.person_id)
    check_dates(_APPROVAL, body.from_at, body.until_at)


def _check_denied(state: AccessState, event: LedgerEvent, body: AccessDenied) -> None:
    _check_approver(state, event, body.person_id)
    if all(one.authorization_id != body.authorization_id for one in state.person(body.person_id).requested):
        raise RefusedError(_APPROVAL, "No request of this person and id waits; it may have been answered.")


def _check_approver(state: AccessState, event: LedgerEvent, person_id: str) -> None:
    """The commander, or a delegate while that stands, and never about themselves."""
    check_other(_APPROVAL, event, person_id)
    delegators = state.delegators(event.actor_id, event.at)
    if person_id in delegators:
        raise RefusedError(_APPROVAL, "A delegate does not approve access for whoever named the delegate.")
    if not delegators or not may(state.person(event.actor_id).roles | {"commander"}, "approve-access"):
        check_may(state, event, "approve-access", _APPROVAL)


def _check_authorized(state: AccessState, event: LedgerEvent, body: AccessAuthorized) -> None:
    check_other(_APPROVAL, event, body.person_id)
    check_may(state, event, "authorize-access", _APPROVAL)
    approval = state.person(body.person_id).approved.get(body.authorization_id)
    if approval is None:
        raise RefusedError(_APPROVAL, "The commander has not approved this authorization, or it is already over.")
    if approval.approved_by == event.actor_id:
        raise RefusedError(_APPROVAL, "Approval and authorization are acts of two people.")


def _check_reviewed(state: AccessState, event: LedgerEvent, body: AccessReviewed) -> None:
    check_other("access.list", event, body.person_id)
    check_may(state, event, "review-access", "access.list")


def _check_trained(state: AccessState, event: LedgerEvent, body: TrainingRecorded) -> None:
    if body.person_id in {body.trained_by, event.actor_id}:
        raise RefusedError(_TRAINING, "Nobody trains themselves; name who gave the training.")
    check_may(state, event, "record-training", _TRAINING)
    check_dates(_TRAINING, body.from_at, body.until_at)


def _found(state: AccessState, event: LedgerEvent, body: ProgramFounded) -> AccessState:
    with_commander = _with_role(state, body.commander_id, "commander")
    return _with_role(with_commander, body.administrator_id, "lpr-administrator")


def _with_role(state: AccessState, person_id: str, role: Any) -> AccessState:
    access = state.person(person_id)
    return state.with_person(person_id, replace(access, roles=access.roles | {role}))


def _end_role(state: AccessState, event: LedgerEvent, body: RoleEnded) -> AccessState:
    access = state.person(body.person_id)
    return state.with_person(body.person_id, replace(access, roles=access.roles - {body.role}))


def _delegate(state: AccessState, event: LedgerEvent, body: DelegationGiven) -> AccessState:
    return replace(state, delegations=(*state.delegations, Delegation(given=body, given_by=event.actor_id)))


def _end_delegations(state: AccessState, event: LedgerEvent, body: DelegationEnded) -> AccessState:
    left = tuple(one for one in state.delegations if one.given.delegate_id != body.delegate_id)
    return replace(state, delegations=left)


def _request(state: AccessState, event: LedgerEvent, body: AccessRequested) -> AccessState:
    access = state.person(body.person_id)
    return state.with_person(body.person_id, replace(access, requested=(*access.requested, body)))


def _approve(state: AccessState, event: LedgerEvent, body: AccessApproved) -> AccessState:
    access = state.person(body.person_id)
    approval = Authorization(approved=body, approved_by=event.actor_id)
    approved = MappingProxyType({**access.approved, body.authorization_id: approval})
    waiting = _requests_but(access, body.authorization_id)
    return state.with_person(body.person_id, replace(access, approved=approved, requested=waiting))


def _deny(state: AccessState, event: LedgerEvent, body: AccessDenied) -> AccessState:
    access = state.person(body.person_id)
    return state.with_person(body.person_id, replace(access, requested=_requests_but(access, body.authorization_id)))


def _requests_but(access: PersonAccess, answered: UUID) -> tuple[AccessRequested, ...]:
    return tuple(one for one in access.requested if one.authorization_id != answered)


def _authorize(state: AccessState, event: LedgerEvent, body: AccessAuthorized) -> AccessState:
    access = state.person(body.person_id)
    standing = replace(access.approved[body.authorization_id], authorized_by=event.actor_id)
    left = {at: one for at, one in access.approved.items() if at != body.authorization_id}
    return state.with_person(
        body.person_id,
        replace(
            access,
            approved=MappingProxyType(left),
            authorizations=(*access.authorizations, standing),
            ended_by="nothing",
        ),
    )


def _review(state: AccessState, event: LedgerEvent, body: AccessReviewed) -> AccessState:
    access = state.person(body.person_id)
    reviewed = tuple(replace(one, reviewed_at=(*one.reviewed_at, event.at)) for one in access.authorizations)
    return state.with_person(body.person_id, replace(access, authorizations=reviewed))


def _revoke(state: AccessState, event: LedgerEvent, body: AuthorizationRevoked) -> AccessState:
    return state.with_person(body.person_id, _emptied(state.person(body.person_id), "revocation"))


def _reassign(state: AccessState, event: LedgerEvent, body: AssignmentChanged) -> AccessState:
    return state.with_person(body.person_id, _emptied(state.person(body.person_id), "assignment"))


def _emptied(access: PersonAccess, by: Any) -> PersonAccess:
    """Requests and approvals that wait for their next act are over, too."""
    return replace(access, requested=(), approved=MappingProxyType({}), authorizations=(), ended_by=by)


def _train(state: AccessState, event: LedgerEvent, body: TrainingRecorded) -> AccessState:
    access = state.person(body.person_id)
    return state.with_person(body.person_id, replace(access, trainings=(*access.trainings, body)))


PEOPLE_CHECKS: Mapping[type, Callable[[AccessState, LedgerEvent, Any], None]] = {
    ProgramFounded: _check_founded,
    RoleAssigned: _check_role,
    DelegationGiven: _check_delegation,
    AccessRequested: _check_requested,
    AccessApproved: _check_approved,
    AccessDenied: _check_denied,
    AccessAuthorized: _check_authorized,
    AccessReviewed: _check_reviewed,
    TrainingRecorded: _check_trained,
}
PEOPLE_CHANGES: Mapping[type, Callable[[AccessState, LedgerEvent, Any], AccessState]] = {
    ProgramFounded: _found,
    RoleAssigned: lambda state, event, body: _with_role(state, body.person_id, body.role),
    RoleEnded: _end_role,
    DelegationGiven: _delegate,
    DelegationEnded: _end_delegations,
    AccessRequested: _request,
    AccessApproved: _approve,
    AccessDenied: _deny,
    AccessAuthorized: _authorize,
    AccessReviewed: _review,
    AuthorizationRevoked: _revoke,
    AssignmentChanged: _reassign,
    TrainingRecorded: _train,
}
