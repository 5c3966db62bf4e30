"""Acts of administration: who may do them; what is refused changes nothing, and all of it is in the ledger."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.access.administration import act, act_on_plate, new_id
from gateway.access.decisions import decide_person
from gateway.access.limits import limits_of
from gateway.access.state import AccessState
from platestream.clock import SetClock
from platestream.errors import RefusedError
from platestream.settings import GatewaySettings
from streams.ledger.body import Body
from streams.ledger.memory import MemoryLedger
from streams.ledger.people import (
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
)
from streams.ledger.purposes import CaseRegistered, TrackingPermitted
from streams.ledger.sealing import Seals
from tests.asking import (
    ADMINISTRATOR,
    ANALYST,
    CASE,
    COMMANDER,
    NOW,
    PLATE,
    approved,
    authorize,
    found_program,
    let_in,
    revoke,
    trained,
)

AccessLedger = MemoryLedger[AccessState]
LIMITS = limits_of(GatewaySettings())
DAY = timedelta(days=1)


def may_search(ledger: AccessLedger, clock: SetClock, person_id: str = ANALYST) -> bool:
    return decide_person(ledger.replay_all(), person_id, "search", clock.now(), LIMITS).is_allowed


def refused(ledger: AccessLedger, clock: SetClock, body: Body, by: str, rule: str) -> str:
    """The sentence of a refusal; the act is in the ledger and changed nothing."""
    before, length = ledger.replay_all(), len(ledger.log)
    with pytest.raises(RefusedError) as error:
        act(ledger, clock, body, by=by, about="x")
    assert error.value.rule == rule
    assert (len(ledger.log), ledger.events()[-1].actor_id) == (length + 1, by)
    assert ledger.replay_all() == before
    return str(error.value)


@pytest.mark.rule("access.approval")
def test_two_acts_by_two_people_let_someone_in(ledger: AccessLedger, clock: SetClock) -> None:
    let_in(ledger, clock)
    assert may_search(ledger, clock)
    [standing] = ledger.replay_all().person(ANALYST).authorizations
    assert (standing.approved_by, standing.authorized_by) == (COMMANDER, ADMINISTRATOR)
    acts = [(event.kind, event.actor_id) for event in ledger.events()]
    assert acts[-3:] == [
        ("access-approved", COMMANDER),
        ("access-authorized", ADMINISTRATOR),
        ("training-recorded", ADMINISTRATOR),
    ]


@pytest.mark.rule("program.administration")
def test_the_first_commander_comes_from_outside_and_once(ledger: AccessLedger, clock: SetClock) -> None:
    alone = ProgramFounded(commander_id="one", administrator_id="one", document_id="d")
    assert "three people" in refused(ledger, clock, alone, "chief", "program.administration")
    himself = ProgramFounded(commander_id="chief", administrator_id="two", document_id="d")
    assert "three people" in refused(ledger, clock, himself, "chief", "program.administration")
    found_program(ledger, clock)
    again = ProgramFounded(commander_id="usurper", administrator_id="friend", document_id="d")
    assert "has a commander" in refused(ledger, clock, again, "chief", "program.administration")
    act(ledger, clock, RoleEnded(person_id=COMMANDER, role="commander", reason="retired"), by=COMMANDER, about="x")
    act(ledger, clock, again, by="chief", about="program")
    assert "commander" in ledger.replay_all().person("usurper").roles


def second_act(ledger: AccessLedger, clock: SetClock, by: str) -> None:
    approval = approved(ANALYST, clock.now())
    act(ledger, clock, approval, by=COMMANDER, about=ANALYST)
    authorized = AccessAuthorized(authorization_id=approval.authorization_id, person_id=ANALYST)
    act(ledger, clock, authorized, by=by, about=ANALYST)


@pytest.mark.rule("access.approval")
def test_nobody_approves_or_authorizes_himself(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    assert "Nobody" in refused(ledger, clock, approved(COMMANDER, NOW), COMMANDER, "access.approval")
    for_administrator = approved(ADMINISTRATOR, NOW)
    act(ledger, clock, for_administrator, by=COMMANDER, about=ADMINISTRATOR)
    himself = AccessAuthorized(authorization_id=for_administrator.authorization_id, person_id=ADMINISTRATOR)
    assert "Nobody" in refused(ledger, clock, himself, ADMINISTRATOR, "access.approval")


@pytest.mark.rule("access.approval")
def test_one_person_with_both_roles_does_not_do_both_acts(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    act(ledger, clock, RoleAssigned(person_id=ADMINISTRATOR, role="commander"), by=COMMANDER, about=ADMINISTRATOR)
    approval = approved(ANALYST, NOW)
    act(ledger, clock, approval, by=ADMINISTRATOR, about=ANALYST)
    second = AccessAuthorized(authorization_id=approval.authorization_id, person_id=ANALYST)
    assert "two people" in refused(ledger, clock, second, ADMINISTRATOR, "access.approval")


@pytest.mark.rule("access.approval", "program.administration")
@pytest.mark.parametrize(
    "act_of",
    [
        lambda: approved(ANALYST, NOW),
        lambda: AccessAuthorized(authorization_id=new_id(), person_id=ANALYST),
        lambda: trained(ANALYST, NOW),
        lambda: AccessReviewed(person_id=ANALYST, document_id="d"),
        lambda: RoleAssigned(person_id=ANALYST, role="investigator"),
        lambda: DelegationGiven(delegate_id=ANALYST, document_id="d", from_at=NOW, until_at=NOW + DAY),
        lambda: CaseRegistered(case_number="26-000001", offence_category="theft"),
    ],
)
@pytest.mark.parametrize("role", [None, "system-administrator", "dispatcher", "auditor", "operator"])
def test_acts_of_people_without_the_role_change_nothing(
    ledger: AccessLedger, clock: SetClock, act_of: Callable[[], Body], role: Any
) -> None:
    found_program(ledger, clock)
    if role:
        act(ledger, clock, RoleAssigned(person_id="someone", role=role), by=COMMANDER, about="someone")
    body = act_of()
    with pytest.raises(RefusedError):
        act(ledger, clock, body, by="someone", about=ANALYST)
    state = ledger.replay_all()
    assert (ANALYST in state.people, state.delegations, state.cases) == (False, (), frozenset({CASE}))


def test_an_authorization_needs_its_approval(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    body = AccessAuthorized(authorization_id=new_id(), person_id=ANALYST)
    assert "has not approved" in refused(ledger, clock, body, ADMINISTRATOR, "access.approval")


@pytest.mark.rule("access.list")
def test_a_revocation_ends_approvals_that_wait_too(ledger: AccessLedger, clock: SetClock) -> None:
    let_in(ledger, clock)
    waiting = approved(ANALYST, NOW)
    act(ledger, clock, waiting, by=COMMANDER, about=ANALYST)
    revoke(ledger, clock)
    second = AccessAuthorized(authorization_id=waiting.authorization_id, person_id=ANALYST)
    assert "already over" in refused(ledger, clock, second, ADMINISTRATOR, "access.approval")
    assert not may_search(ledger, clock)


@pytest.mark.rule("access.list")
def test_what_takes_access_away_counts_whoever_wrote_it(ledger: AccessLedger, clock: SetClock) -> None:
    let_in(ledger, clock)
    body = AuthorizationRevoked(person_id=ANALYST, revoked_by="anyone", reason="left the agency")
    act(ledger, clock, body, by="anyone", about=ANALYST)
    assert not may_search(ledger, clock)


@pytest.mark.rule("access.list")
def test_another_assignment_ends_access_at_once(ledger: AccessLedger, clock: SetClock) -> None:
    let_in(ledger, clock)
    moved = AssignmentChanged(person_id=ANALYST, assignment="patrol, east")
    act(ledger, clock, moved, by="technology-office", about=ANALYST)
    decision = decide_person(ledger.replay_all(), ANALYST, "search", clock.now(), LIMITS)
    assert (decision.is_allowed, decision.rule) == (False, "access.list")
    assert "assignment changed" in decision.sentence
    authorize(ledger, clock)
    assert may_search(ledger, clock)


@pytest.mark.rule("program.administration")
def test_a_delegate_approves_in_the_commanders_place_while_that_stands(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    given = DelegationGiven(delegate_id="deputy", document_id="d", from_at=NOW, until_at=NOW + DAY)
    assert "do not include" in refused(ledger, clock, approved(ANALYST, NOW), "deputy", "access.approval")
    act(ledger, clock, given, by=COMMANDER, about="deputy")
    act(ledger, clock, approved(ANALYST, NOW), by="deputy", about=ANALYST)
    assert "whoever named" in refused(ledger, clock, approved(COMMANDER, NOW), "deputy", "access.approval")
    own = DelegationGiven(delegate_id="friend", document_id="d", from_at=NOW, until_at=NOW + DAY)
    assert "do not include" in refused(ledger, clock, own, "deputy", "program.administration")
    clock.advance(DAY)
    assert "do not include" in refused(ledger, clock, approved("x", NOW), "deputy", "access.approval")
    clock.advance(-DAY)
    act(ledger, clock, DelegationEnded(delegate_id="deputy"), by=ADMINISTRATOR, about="deputy")
    assert "do not include" in refused(ledger, clock, approved("x", NOW), "deputy", "access.approval")


@pytest.mark.rule("access.approval")
def test_a_request_is_denied_by_whoever_may_approve_it_and_takes_away_nothing_that_stands(
    ledger: AccessLedger, clock: SetClock
) -> None:
    let_in(ledger, clock)
    one, other = new_id(), new_id()
    for id_ in (one, other):
        asked = AccessRequested(authorization_id=id_, person_id=ANALYST, assignment="robbery", purpose="cars")
        act(ledger, clock, asked, by=ANALYST, about=ANALYST)
    denied = AccessDenied(authorization_id=one, person_id=ANALYST, reason="not needed")
    for by, words in ((ADMINISTRATOR, "do not include"), (ANALYST, "another person"), ("deputy", "do not include")):
        assert words in refused(ledger, clock, denied, by, "access.approval")
    given = DelegationGiven(delegate_id="deputy", document_id="d", from_at=NOW, until_at=NOW + DAY)
    act(ledger, clock, given, by=COMMANDER, about="deputy")
    act(ledger, clock, denied, by="deputy", about=ANALYST)
    assert [waiting.authorization_id for waiting in ledger.replay_all().person(ANALYST).requested] == [other]
    assert "may have been answered" in refused(ledger, clock, denied, COMMANDER, "access.approval")
    assert may_search(ledger, clock)


def test_a_delegation_ends_with_its_commander(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    given = DelegationGiven(delegate_id="deputy", document_id="d", from_at=NOW, until_at=NOW + DAY)
    act(ledger, clock, given, by=COMMANDER, about="deputy")
    act(ledger, clock, RoleEnded(person_id=COMMANDER, role="commander", reason="retired"), by="chief", about="x")
    assert "do not include" in refused(ledger, clock, approved(ANALYST, NOW), "deputy", "access.approval")


@pytest.mark.rule("training.before-use")
def test_nobody_trains_themselves(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    own = trained(ANALYST, NOW, trained_by=ANALYST)
    assert "trains themselves" in refused(ledger, clock, own, ADMINISTRATOR, "training.before-use")
    body = trained(ADMINISTRATOR, NOW)
    assert "trains themselves" in refused(ledger, clock, body, ADMINISTRATOR, "training.before-use")


def test_dates_turned_round_are_refused(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    backwards = {"from_at": NOW, "until_at": NOW - DAY}
    assert "end must" in refused(ledger, clock, approved(ANALYST, NOW, **backwards), COMMANDER, "access.approval")
    body = trained(ANALYST, NOW, **backwards)
    assert "end must" in refused(ledger, clock, body, ADMINISTRATOR, "training.before-use")


def permit(**changes: Any) -> TrackingPermitted:
    fields = {
        "permit_id": new_id(),
        "person_id": ANALYST,
        "case_number": CASE,
        "basis": "warrant",
        "warrant_number": "62-CR-26-100",
        "text": "Judge allows the stolen blue car to be followed",
        "until_at": NOW + 10 * DAY,
    }
    return TrackingPermitted.model_validate(fields | changes)


@pytest.mark.rule("tracking.gate")
@pytest.mark.parametrize(
    ("by", "changes", "words"),
    [
        (ANALYST, {}, "Nobody"),
        ("someone", {}, "do not include"),
        (COMMANDER, {"text": "test"}, "says too little"),
        (COMMANDER, {"until_at": NOW}, "end must"),
    ],
)
def test_a_permit_needs_a_supervisor_facts_and_an_end(
    ledger: AccessLedger, clock: SetClock, by: str, changes: dict[str, Any], words: str
) -> None:
    found_program(ledger, clock)
    seals = Seals([], bytes(32))
    with pytest.raises(RefusedError, match=words):
        act_on_plate(ledger, clock, permit(**changes), by=by, plate=PLATE, seals=seals)
    assert ledger.replay_all().permits == ()
    act_on_plate(ledger, clock, permit(), by=COMMANDER, plate=PLATE, seals=seals)
    assert [one.plate_hash for one in ledger.replay_all().permits] == [seals.hash_plate(PLATE)]
    assert not any(PLATE.encode() in value for value in ledger.log)


def test_a_permit_without_its_plate_is_refused(ledger: AccessLedger, clock: SetClock) -> None:
    found_program(ledger, clock)
    assert "one plate" in refused(ledger, clock, permit(), COMMANDER, "tracking.gate")


@pytest.mark.parametrize("changes", [{"warrant_number": None}, {"basis": "exigency"}])
def test_a_warrant_has_a_number_and_an_exigency_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="warrant has a number"):
        permit(**changes)
