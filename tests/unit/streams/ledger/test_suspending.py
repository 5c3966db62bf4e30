"""The fold of suspensions, against plain bookkeeping, and who is told by it to stop."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import LedgerEvent
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.people import AccessReviewed
from streams.ledger.suspending import (
    NEVER_SUSPENDED,
    SuspensionLifted,
    SuspensionOrdered,
    Suspensions,
    fold_suspensions,
)
from tests.asking import NOW

HOUR = timedelta(hours=1)
BODIES: dict[str, Body] = {
    "order": SuspensionOrdered(document_id="order-1", ordered_by="court"),
    "lift": SuspensionLifted(document_id="order-2"),
    "other": AccessReviewed(person_id="p", document_id="d"),
}


def event(what: str, at: datetime) -> LedgerEvent:
    return new_event(BODIES[what], at=at, actor_id="commander-1", subject_id="s")


def folded(story: list[str]) -> Suspensions:
    state = NEVER_SUSPENDED
    for hour, what in enumerate(story):
        state = fold_suspensions(state, hour, event(what, NOW + hour * HOUR))
    return state


@pytest.mark.rule("suspension.order")
@given(st.lists(st.sampled_from(sorted(BODIES)), max_size=12))
def test_an_hour_is_covered_when_an_order_stood_in_it(story: list[str]) -> None:
    state, stands = folded(story), False
    for hour, what in enumerate(story):
        stands = {"order": True, "lift": False}.get(what, stands)
        assert state.covers(NOW + hour * HOUR) == stands
        assert state.covers(NOW + hour * HOUR + HOUR / 2) == stands
    assert state.is_in_force == stands
    assert not state.covers(NOW - HOUR)


def test_what_is_over_is_forgotten_where_it_no_longer_matters() -> None:
    state = folded(["order", "lift", "order"])
    assert state.since(NOW + HOUR).spans == state.spans[1:]
    assert state.since(NOW).spans == state.spans


def test_a_writer_whose_clock_is_behind_makes_no_span_that_ends_before_it_began() -> None:
    state = fold_suspensions(NEVER_SUSPENDED, 0, event("order", NOW))
    state = fold_suspensions(state, 1, event("lift", NOW - HOUR))
    assert not state.is_in_force
    assert not state.covers(NOW)
