from collections.abc import Iterable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.state import AccessState, fold_access
from streams.ledger.body import Body
from streams.ledger.events import AuthorizationRevoked, new_event
from tests.asking import NOW, granted, trained

PEOPLE = ("one", "two")


def revoked(person_id: str, now: datetime) -> AuthorizationRevoked:
    return AuthorizationRevoked(person_id=person_id, revoked_by="administrator-2", reason="changed assignment")


ACTS = st.lists(st.builds(lambda act, person: act(person, NOW), st.sampled_from([granted, revoked, trained]),
                          st.sampled_from(PEOPLE)), max_size=12)  # fmt: skip


def folded(acts: Iterable[Body]) -> AccessState:
    state = AccessState()
    for offset, act in enumerate(acts):
        state = fold_access(state, offset, new_event(act, at=NOW, actor_id="a", subject_id="p"))
    return state


@pytest.mark.rule("access.list")
@given(ACTS)
def test_authorizations_are_those_since_the_last_revocation(acts: list[Body]) -> None:
    state = folded(acts)
    for person in PEOPLE:
        own = [act for act in acts if act.person_id == person]  # type: ignore[attr-defined]
        ends = [at for at, act in enumerate(own) if isinstance(act, AuthorizationRevoked)]
        since = own[ends[-1] + 1 :] if ends else own
        grants = tuple(act for act in since if act.kind == "authorization-granted")
        assert state.person(person).authorizations == grants
        assert state.person(person).is_revoked == (bool(ends) and not grants)
        assert state.person(person).trainings == tuple(act for act in own if act.kind == "training-recorded")


def test_folding_changes_no_earlier_state() -> None:
    before = folded([granted("one", NOW)])
    event = new_event(revoked("one", NOW), at=NOW, actor_id="a", subject_id="p")
    after = fold_access(before, 1, event)
    assert before.person("one").authorizations
    assert not after.person("one").authorizations


def test_nothing_stands_for_someone_never_named() -> None:
    assert not AccessState().person("nobody").authorizations
