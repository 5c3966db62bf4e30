from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.decisions import Decision, decide, decide_person
from gateway.access.folding import fold_access
from gateway.access.limits import limits_of
from gateway.access.state import AccessState, PersonAccess
from gateway.access.words import is_boiler_plate
from platestream.errors import ConfigError
from platestream.settings import GatewaySettings
from schemas.messages import LedgerEvent
from streams.ledger.events import SearchDecided, SearchRequested, new_event
from tests.asking import ANALYST, NOW, granted, in_order, search_body, trained

LIMITS = limits_of(GatewaySettings())
DAY = timedelta(days=1)
IN_ORDER = in_order()
LATE = datetime(9999, 6, 1, tzinfo=UTC)  # a year on there is no calendar


def request(at: datetime = NOW, plate_hash: bytes = bytes(32), **changes: Any) -> LedgerEvent:
    fields = search_body(**changes)
    del fields["plate"]
    body = SearchRequested(search_id=uuid4(), row_limit=10, **fields)
    return new_event(body, at=at, actor_id=ANALYST, subject_id=str(body.search_id), plate_hash=plate_hash)


def state_of(access: PersonAccess) -> AccessState:
    return AccessState(people=MappingProxyType({ANALYST: access}))


def decided(access: PersonAccess, asked: LedgerEvent | None = None) -> Decision:
    return decide(state_of(access), asked or request(), LIMITS)


def refused_by(access: PersonAccess = IN_ORDER, asked: LedgerEvent | None = None) -> tuple[str, str]:
    decision = decided(access, asked)
    assert not decision.is_allowed
    return decision.rule, decision.sentence


def after(state: AccessState, asked: LedgerEvent) -> AccessState:
    """The state once a search was asked and allowed."""
    body = SearchDecided(search_id=UUID(asked.subject_id), is_allowed=True, rule="query.log", sentence="in order")
    allowed = new_event(body, at=asked.at, actor_id="gateway", subject_id=asked.subject_id)
    return fold_access(fold_access(state, 0, asked), 1, allowed)


def test_a_search_in_order_is_allowed() -> None:
    assert decided(IN_ORDER).is_allowed


ACCESS_FAULTS: dict[str, tuple[PersonAccess, str, str]] = {
    "nobody": (PersonAccess(), "access.list", "no authorization"),
    "revoked": (replace(IN_ORDER, authorizations=(), ended_by="revocation"), "access.list", "revoked"),
    "moved": (replace(IN_ORDER, authorizations=(), ended_by="assignment"), "access.list", "assignment changed"),
    "no role": (replace(IN_ORDER, roles=frozenset()), "program.administration", "None of your roles"),
    "only approved": (replace(IN_ORDER, authorizations=(), approved={UUID(int=1): granted(ANALYST, NOW)}),
                      "access.list",
                      "no authorization"),
    "system administrator": (
        replace(IN_ORDER, roles=IN_ORDER.roles | {"system-administrator"}), "program.administration", "forbids"
    ),
    "ended": (
        replace(IN_ORDER, authorizations=(granted(ANALYST, NOW, until_at=NOW),)), "access.list", "has ended"
    ),
    "of another age": (
        replace(IN_ORDER, authorizations=(granted(ANALYST, NOW, from_at=LATE, until_at=LATE + DAY),)),
        "access.list",
        "does not stand today",
    ),
    "lapsed": (
        replace(IN_ORDER, authorizations=(granted(ANALYST, NOW, from_at=NOW - 365 * DAY, until_at=NOW + 900 * DAY),)),
        "access.list",
        "lapsed",
    ),
    "not yet": (
        replace(IN_ORDER, authorizations=(granted(ANALYST, NOW, from_at=NOW + DAY),)), "access.list", "today"
    ),
    "untrained": (replace(IN_ORDER, trainings=()), "training.before-use", "No training"),
    "training over": (
        replace(IN_ORDER, trainings=(trained(ANALYST, NOW, until_at=NOW),)), "training.before-use", "renew"
    ),
    "training to come": (
        replace(IN_ORDER, trainings=(trained(ANALYST, NOW, from_at=NOW + DAY),)), "training.before-use", "renew"
    ),
}  # fmt: skip


@pytest.mark.rule("access.list", "training.before-use", "program.administration")
@pytest.mark.parametrize("fault", ACCESS_FAULTS)
def test_a_person_not_in_order_is_refused_with_a_sentence_of_its_own(fault: str) -> None:
    access, rule, words = ACCESS_FAULTS[fault]
    refused, sentence = refused_by(access)
    assert refused == rule
    assert words in sentence


PURPOSE_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no category": ({"offence_category": None}, "needs the category"),
    "other category": ({"offence_category": "curiosity"}, "none that stored reads"),
    "no number": ({"case_number": None}, "needs a case"),
    "blank number": ({"case_number": ""}, "needs a case"),
    "other number": ({"case_number": "12345"}, "form"),
    "number with more": ({"case_number": "26-012345 "}, "form"),
    "other digits": ({"case_number": "26-01234\u0665"}, "form"),
    "no reason": ({"reason": None}, "reason and the facts"),
    "no facts": ({"factual_basis": ""}, "reason and the facts"),
    "boiler-plate reason": ({"reason": "Official police investigation"}, "reason says too little"),
    "test": ({"reason": "test", "factual_basis": "test"}, "reason says too little"),
    "boiler-plate facts": ({"factual_basis": "It is needed for the investigation of a case"}, "basis says too little"),
    "digits": ({"reason": "1234 5678"}, "reason says too little"),
    "one word again and again": ({"factual_basis": "stolen stolen stolen stolen"}, "basis says too little"),
    "the same twice": (
        {"reason": "Owner reported the car stolen.", "factual_basis": "owner REPORTED the car: stolen"}, "repeats"
    ),
    "too long a span": ({"collected_from": (NOW - 61 * DAY).isoformat()}, "at most"),
}  # fmt: skip


@pytest.mark.rule("query.log", "use.purposes")
@pytest.mark.parametrize("fault", PURPOSE_FAULTS)
def test_a_purpose_not_in_order_is_refused_with_a_sentence_of_its_own(fault: str) -> None:
    changes, words = PURPOSE_FAULTS[fault]
    rule, sentence = refused_by(asked=request(**changes))
    assert rule == ("use.purposes" if "category" in fault else "query.log")
    assert words in sentence


@pytest.mark.rule("access.list", "training.before-use", "query.log")
@given(
    st.none() | st.sampled_from(sorted(ACCESS_FAULTS)),
    st.none() | st.sampled_from(sorted(PURPOSE_FAULTS)),
    st.none() | st.sampled_from(sorted(PURPOSE_FAULTS)),
)
def test_any_missing_piece_refuses(access: str | None, purpose: str | None, another: str | None) -> None:
    person = ACCESS_FAULTS[access][0] if access else IN_ORDER
    changes = {**(PURPOSE_FAULTS[purpose][0] if purpose else {}), **(PURPOSE_FAULTS[another][0] if another else {})}
    decision = decided(person, request(**changes))
    assert decision.is_allowed == (access is None and not changes)
    assert decision.is_allowed == all(step.is_allowed for step in decision.steps)


@given(st.integers(-400, 400), st.integers(1, 800), st.integers(-400, 400), st.integers(1, 800))
def test_allowed_exactly_while_authorization_and_training_stand(
    granted_day: int, granted_days: int, trained_day: int, trained_days: int
) -> None:
    grant = granted(ANALYST, NOW, from_at=NOW + granted_day * DAY, until_at=NOW + (granted_day + granted_days) * DAY)
    training = trained(ANALYST, NOW, from_at=NOW + trained_day * DAY, until_at=NOW + (trained_day + trained_days) * DAY)
    access = replace(IN_ORDER, authorizations=(grant,), trainings=(training,))
    stands = granted_day <= 0 < granted_day + min(granted_days, 365) and trained_day <= 0 < trained_day + trained_days
    assert decided(access).is_allowed == stands


def test_a_later_authorization_takes_the_place_of_one_that_ended() -> None:
    ended = granted(ANALYST, NOW, until_at=NOW)
    access = replace(IN_ORDER, authorizations=(ended, granted(ANALYST, NOW)))
    assert decided(access).is_allowed


@pytest.mark.rule("access.list")
@pytest.mark.parametrize(
    ("reviewed_days", "is_allowed"), [((), False), ((300,), True), ((364,), True), ((365,), False), ((10, 374), True)]
)
def test_a_review_in_time_keeps_an_authorization_and_a_late_one_does_not(
    reviewed_days: tuple[int, ...], is_allowed: bool
) -> None:
    began = NOW - 400 * DAY
    reviewed_at = tuple(began + days * DAY for days in reviewed_days)
    grant = granted(ANALYST, NOW, from_at=began, until_at=NOW + 900 * DAY, reviewed_at=reviewed_at)
    assert decided(replace(IN_ORDER, authorizations=(grant,))).is_allowed == is_allowed


@pytest.mark.rule("query.log")
def test_the_same_facts_for_another_case_are_boiler_plate() -> None:
    state = after(state_of(IN_ORDER), request())
    again = request(
        plate_hash=b"other", factual_basis="Keys left INSIDE: owner reported the car stolen from Rice Street."
    )
    assert decide(state, again, LIMITS).is_allowed
    other = request(case_number="26-054321")
    assert "another case" in decide(state, other, LIMITS).sentence
    assert decide(
        state, request(case_number="26-054321", factual_basis="A witness saw its broken window"), LIMITS
    ).is_allowed


@pytest.mark.rule("query.log", "access.list")
def test_a_decision_shows_what_every_rule_said() -> None:
    decision = decided(replace(IN_ORDER, trainings=()), request(reason="test"))
    said = [(step.rule, step.is_allowed) for step in decision.steps]
    assert said == [
        ("access.list", True),
        ("program.administration", True),
        ("training.before-use", False),
        ("suspension.order", True),
        ("use.purposes", True),
        ("query.log", False),
        ("query.log", True),
        ("query.log", True),
        ("tracking.gate", True),
    ]
    assert (decision.rule, decision.is_allowed) == ("training.before-use", False)
    assert all(step.sentence.endswith((".", "search")) for step in decision.steps)


def test_what_depends_on_the_person_alone_is_explained_alone() -> None:
    assert decide_person(state_of(IN_ORDER), ANALYST, "search", NOW, LIMITS).is_allowed
    refused = decide_person(state_of(IN_ORDER), ANALYST, "approve-access", NOW, LIMITS)
    assert (refused.is_allowed, refused.rule) == (False, "program.administration")


@given(st.text())
def test_no_text_upsets_the_look_for_boiler_plate(text: str) -> None:
    assert is_boiler_plate(text, 1000)


def test_a_pattern_that_is_none_is_said() -> None:
    with pytest.raises(ConfigError, match="case_number_pattern"):
        limits_of(GatewaySettings(case_number_pattern="("))
    with pytest.raises(ConfigError, match="time_zone"):
        limits_of(GatewaySettings(time_zone="America/Nowhere"))
