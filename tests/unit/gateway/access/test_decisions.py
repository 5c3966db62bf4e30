from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.decisions import decide, is_boiler_plate, limits_of
from gateway.access.state import AccessState, PersonAccess
from platestream.errors import ConfigError
from platestream.settings import GatewaySettings
from streams.ledger.events import SearchRequested
from tests.asking import ANALYST, NOW, granted, search_body, trained

LIMITS = limits_of(GatewaySettings())
DAY = timedelta(days=1)
IN_ORDER = PersonAccess(authorizations=(granted(ANALYST, NOW),), trainings=(trained(ANALYST, NOW),))


def request(**changes: Any) -> SearchRequested:
    fields = search_body(**changes)
    del fields["plate"]
    return SearchRequested(search_id=uuid4(), row_limit=10, **fields)


def state_of(access: PersonAccess) -> AccessState:
    return AccessState(people=MappingProxyType({ANALYST: access}))


def refused_by(access: PersonAccess = IN_ORDER, asked: SearchRequested | None = None) -> tuple[str, str]:
    decision = decide(state_of(access), ANALYST, asked or request(), NOW, LIMITS)
    assert not decision.is_allowed
    return decision.rule, decision.sentence


def test_a_search_in_order_is_allowed() -> None:
    assert decide(state_of(IN_ORDER), ANALYST, request(), NOW, LIMITS).is_allowed


ACCESS_FAULTS: dict[str, tuple[PersonAccess, str, str]] = {
    "nobody": (PersonAccess(), "access.list", "no authorization"),
    "revoked": (PersonAccess(trainings=IN_ORDER.trainings, is_revoked=True), "access.list", "revoked"),
    "ended": (
        replace(IN_ORDER, authorizations=(granted(ANALYST, NOW, until_at=NOW),)), "access.list", "has ended"
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


@pytest.mark.rule("access.list", "training.before-use")
@pytest.mark.parametrize("fault", ACCESS_FAULTS)
def test_a_person_not_in_order_is_refused_with_a_sentence_of_its_own(fault: str) -> None:
    access, rule, words = ACCESS_FAULTS[fault]
    refused, sentence = refused_by(access)
    assert refused == rule
    assert words in sentence


PURPOSE_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
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


@pytest.mark.rule("query.log")
@pytest.mark.parametrize("fault", PURPOSE_FAULTS)
def test_a_purpose_not_in_order_is_refused_with_a_sentence_of_its_own(fault: str) -> None:
    changes, words = PURPOSE_FAULTS[fault]
    rule, sentence = refused_by(asked=request(**changes))
    assert rule == "query.log"
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
    decision = decide(state_of(person), ANALYST, request(**changes), NOW, LIMITS)
    assert decision.is_allowed == (access is None and not changes)


@given(st.integers(-400, 400), st.integers(1, 800), st.integers(-400, 400), st.integers(1, 800))
def test_allowed_exactly_while_authorization_and_training_stand(
    granted_day: int, granted_days: int, trained_day: int, trained_days: int
) -> None:
    grant = granted(ANALYST, NOW, from_at=NOW + granted_day * DAY, until_at=NOW + (granted_day + granted_days) * DAY)
    training = trained(ANALYST, NOW, from_at=NOW + trained_day * DAY, until_at=NOW + (trained_day + trained_days) * DAY)
    access = PersonAccess(authorizations=(grant,), trainings=(training,))
    stands = granted_day <= 0 < granted_day + min(granted_days, 365) and trained_day <= 0 < trained_day + trained_days
    assert decide(state_of(access), ANALYST, request(), NOW, LIMITS).is_allowed == stands


def test_a_later_authorization_takes_the_place_of_one_that_ended() -> None:
    ended = granted(ANALYST, NOW, until_at=NOW)
    access = replace(IN_ORDER, authorizations=(ended, granted(ANALYST, NOW)))
    assert decide(state_of(access), ANALYST, request(), NOW, LIMITS).is_allowed


@given(st.text())
def test_no_text_upsets_the_look_for_boiler_plate(text: str) -> None:
    assert is_boiler_plate(text, 1000)


def test_a_pattern_that_is_none_is_said() -> None:
    with pytest.raises(ConfigError, match="case_number_pattern"):
        limits_of(GatewaySettings(case_number_pattern="("))
