"""Who is authorized and trained: a pure fold of the ledger's events, the same for everyone who folds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from schemas.messages import LedgerEvent
from streams.ledger.events import AuthorizationGranted, AuthorizationRevoked, TrainingRecorded, body_of

_KINDS = {AuthorizationGranted.kind, AuthorizationRevoked.kind, TrainingRecorded.kind}


@dataclass(frozen=True, kw_only=True)
class PersonAccess:
    """What stands in the ledger for one person. A revocation empties the authorizations and leaves its mark."""

    authorizations: tuple[AuthorizationGranted, ...] = ()
    trainings: tuple[TrainingRecorded, ...] = ()
    is_revoked: bool = False


_NOBODY = PersonAccess()


@dataclass(frozen=True, kw_only=True)
class AccessState:
    """All people known to the ledger, by id."""

    people: Mapping[str, PersonAccess] = field(default_factory=lambda: MappingProxyType({}))

    def person(self, person_id: str) -> PersonAccess:
        """What stands for a person; nothing for one who was never named."""
        return self.people.get(person_id, _NOBODY)


def fold_access(state: AccessState, offset: int, event: LedgerEvent) -> AccessState:
    """The state after one more event. Order counts, not the writers' clocks. Keeps: access.list"""
    if event.kind not in _KINDS:
        return state
    body = body_of(event)
    if isinstance(body, AuthorizationGranted):
        before = state.person(body.person_id)
        return _with(state, body.person_id, _granted(before, body))
    if isinstance(body, AuthorizationRevoked):
        before = state.person(body.person_id)
        return _with(state, body.person_id, replace(before, authorizations=(), is_revoked=True))
    if isinstance(body, TrainingRecorded):
        before = state.person(body.person_id)
        return _with(state, body.person_id, replace(before, trainings=(*before.trainings, body)))
    return state


def _granted(before: PersonAccess, body: AuthorizationGranted) -> PersonAccess:
    return replace(before, authorizations=(*before.authorizations, body), is_revoked=False)


def _with(state: AccessState, person_id: str, access: PersonAccess) -> AccessState:
    return AccessState(people=MappingProxyType({**state.people, person_id: access}))
