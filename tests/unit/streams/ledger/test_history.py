from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import IntegrityError
from schemas.messages import LedgerEvent
from streams.ledger.events import new_event
from streams.ledger.ledger import History
from streams.ledger.people import AuthorizationRevoked

EVENT = new_event(
    AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved"),
    at=datetime(2026, 3, 10, tzinfo=UTC),
    actor_id="a",
    subject_id="p",
)


def every_third(state: tuple[int, ...], offset: int, event: LedgerEvent) -> tuple[int, ...]:
    """A fold that leaves most events without effect, as searches leave the access list."""
    return (*state, offset) if offset % 3 == 0 else state


@given(st.integers(0, 50), st.integers(-1, 50))
def test_the_state_at_an_offset_is_the_fold_of_exactly_what_came_before(last: int, asked: int) -> None:
    history = History(every_third, ())
    for offset in range(last + 1):
        history.take(offset, EVENT)
    if asked <= last:
        assert history.at(asked) == tuple(range(0, asked + 1, 3))


@pytest.mark.parametrize("offset", [1, 2, 100])
def test_a_missing_event_is_found(offset: int) -> None:
    history = History(every_third, ())
    with pytest.raises(IntegrityError, match=f"from offset -1 to {offset}"):
        history.take(offset, EVENT)


def test_an_event_is_taken_once() -> None:
    history = History(every_third, ())
    history.take(0, EVENT)
    with pytest.raises(IntegrityError):
        history.take(0, EVENT)


def test_a_state_too_long_ago_is_not_made_up() -> None:
    history = History(lambda state, offset, event: state + 1, 0)
    for offset in range(5000):
        history.take(offset, EVENT)
    assert history.at(4999) == 5000
    assert history.at(10) is None
