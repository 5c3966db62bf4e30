"""The fold, and an oracle that knows the rules in another form: state x action x role."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.decisions import decide_person
from gateway.access.folding import fold_access
from gateway.access.limits import limits_of
from gateway.access.roles import ACTIONS, CELLS, may, table
from gateway.access.state import AccessState
from platestream.settings import GatewaySettings
from schemas.messages import LedgerEvent
from streams.ledger.events import new_event
from streams.ledger.people import (
    ROLES,
    AccessApproved,
    AccessAuthorized,
    AccessReviewed,
    AssignmentChanged,
    AuthorizationRevoked,
    ProgramFounded,
    Role,
    RoleAssigned,
    RoleEnded,
    TrainingRecorded,
)
from tests.asking import NOW

LIMITS = limits_of(GatewaySettings())
DAY = timedelta(days=1)
PEOPLE = ("commander", "administrator", "one", "two")
SPACE = UUID(int=7)
ACTS = st.sampled_from(["approve", "authorize", "revoke", "reassign", "train", "review", "role", "end-role"])
STORY = st.lists(
    st.tuples(ACTS, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.sampled_from(ROLES), st.integers(0, 200)),
    max_size=14,
)

Act = tuple[str, str, str, Role, int]


def event_of(act: Act, at: datetime) -> LedgerEvent:
    what, by, person, role, days = act
    span: dict[str, Any] = {"from_at": at, "until_at": at + days * DAY + DAY}
    authorization_id = uuid5(SPACE, person)
    bodies = {
        "approve": lambda: AccessApproved(
            authorization_id=authorization_id, person_id=person, document_id="d", assignment="a", purpose="p", **span
        ),
        "authorize": lambda: AccessAuthorized(authorization_id=authorization_id, person_id=person),
        "revoke": lambda: AuthorizationRevoked(person_id=person, revoked_by=by, reason="r"),
        "reassign": lambda: AssignmentChanged(person_id=person, assignment="b"),
        "train": lambda: TrainingRecorded(person_id=person, trained_by="trainer", document_id="d", **span),
        "review": lambda: AccessReviewed(person_id=person, document_id="d"),
        "role": lambda: RoleAssigned(person_id=person, role=role),
        "end-role": lambda: RoleEnded(person_id=person, role=role, reason="r"),
    }
    return new_event(bodies[what](), at=at, actor_id=by, subject_id=person)


FOUNDED = new_event(
    ProgramFounded(commander_id="commander", administrator_id="administrator", document_id="d"),
    at=NOW,
    actor_id="chief",
    subject_id="program",
)


def folded(events: Iterable[LedgerEvent]) -> AccessState:
    state = AccessState()
    for offset, event in enumerate(events):
        state = fold_access(state, offset, event)
    return state


class Oracle:
    """The order's words as plain bookkeeping over the story."""

    def __init__(self) -> None:
        self.roles = {person: set[str]() for person in PEOPLE}
        self.roles["commander"], self.roles["administrator"] = {"commander"}, {"lpr-administrator"}
        self.waiting: dict[str, tuple[str, datetime, datetime]] = {}
        self.access: dict[str, list[list[datetime]]] = {person: [] for person in PEOPLE}  # from, until, lapses
        self.trained: dict[str, list[tuple[datetime, datetime]]] = {person: [] for person in PEOPLE}

    def barred(self, person: str) -> bool:
        return bool(self.roles[person] & {"auditor", "system-administrator"})

    def take(self, act: Act, at: datetime) -> None:
        what, by, person, role, days = act
        is_commander = "commander" in self.roles[by] and not self.barred(by)
        is_administrator = "lpr-administrator" in self.roles[by] and not self.barred(by)
        until = at + days * DAY + DAY
        if what in {"revoke", "reassign"}:
            self.access[person] = []
            self.waiting.pop(person, None)
        elif what == "end-role":
            self.roles[person].discard(role)
        elif by == person:
            return
        elif what == "role" and is_commander:
            self.roles[person].add(role)
        elif what == "approve" and is_commander:
            self.waiting[person] = (by, at, until)
        elif what == "authorize" and is_administrator and person in self.waiting and self.waiting[person][0] != by:
            _, from_at, ends_at = self.waiting.pop(person)
            self.access[person].append([from_at, ends_at, from_at + 365 * DAY])
        elif what == "train" and (is_commander or is_administrator):
            self.trained[person].append((at, until))
        elif what == "review" and (is_commander or is_administrator):
            for one in self.access[person]:
                one[2] = max(one[2], at + 365 * DAY) if at < one[2] else one[2]

    def may_search(self, person: str, at: datetime) -> bool:
        return (
            any(from_at <= at < min(until, lapses) for from_at, until, lapses in self.access[person])
            and any(from_at <= at < until for from_at, until in self.trained[person])
            and bool(self.roles[person] & {"investigator", "operator"})
            and not self.barred(person)
        )


SETTLED: list[Act] = [
    ("role", "commander", "one", "investigator", 0),
    ("approve", "commander", "one", "operator", 100),
    ("authorize", "administrator", "one", "operator", 0),
    ("train", "administrator", "one", "operator", 100),
]


@pytest.mark.rule("access.list", "access.approval", "training.before-use", "program.administration")
@given(st.booleans(), STORY, st.integers(1, 120))
def test_after_any_story_exactly_those_may_search_whom_the_order_lets(
    is_settled: bool, story: list[Act], step_days: int
) -> None:
    oracle, events, at = Oracle(), [FOUNDED], NOW
    for act in [*(SETTLED if is_settled else []), *story]:
        events.append(event_of(act, at))
        oracle.take(act, at)
        at += step_days * DAY / 4
    state = folded(events)
    for person in PEOPLE:
        for later in (timedelta(), 30 * DAY, 400 * DAY):
            allowed = decide_person(state, person, "search", at + later, LIMITS).is_allowed
            assert allowed == oracle.may_search(person, at + later), person


@pytest.mark.rule("program.administration")
@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(ACTIONS))
def test_what_a_role_forbids_wins_over_what_others_give(roles: set[Role], action: Any) -> None:
    gives = any(CELLS[action, role] == "yes" for role in roles)
    forbids = any(CELLS[action, role] == "no" for role in roles)
    assert may(roles, action) == (gives and not forbids)


@pytest.mark.rule("program.administration")
@pytest.mark.parametrize("others", [(), ("commander",), ("investigator", "operator"), ROLES])
def test_the_system_administrator_cannot_search_whatever_else_he_is(others: tuple[Role, ...]) -> None:
    assert not may({"system-administrator", *others}, "search")


def test_the_table_covers_every_role_and_action() -> None:
    assert len(table()) == len(ACTIONS) + 1
    assert set(CELLS) == {(action, role) for action in ACTIONS for role in ROLES}
    assert set(CELLS.values()) == {"yes", "no", "-"}


@pytest.mark.rule("access.list")
@given(STORY)
def test_after_a_revocation_nothing_but_two_new_acts_lets_someone_in(story: list[Act]) -> None:
    acts: list[Act] = [*SETTLED, ("revoke", "two", "one", "operator", 0)]
    harmless = [act for act in story if act[0] != "authorize" or act[2] != "one"]
    state = folded([FOUNDED, *(event_of(act, NOW) for act in [*acts, *harmless])])
    assert not decide_person(state, "one", "search", NOW, LIMITS).is_allowed


def test_folding_changes_no_earlier_state() -> None:
    before = folded([FOUNDED, *(event_of(act, NOW) for act in SETTLED)])
    after = fold_access(before, 9, event_of(("revoke", "two", "one", "operator", 0), NOW))
    assert before.person("one").authorizations
    assert not after.person("one").authorizations


def test_nothing_stands_for_someone_never_named() -> None:
    assert not AccessState().person("nobody").authorizations
