"""What every ledger does, in memory or on the broker."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from platestream.errors import TransientError
from schemas.messages import LedgerEvent
from streams.ledger.events import new_event
from streams.ledger.ledger import Ledger
from streams.ledger.people import AuthorizationRevoked

LONGEST_SECONDS = 3.5


def event(person: str = "one") -> LedgerEvent:
    body = AuthorizationRevoked(person_id=person, revoked_by="administrator", reason="moved")
    return new_event(body, at=datetime(2026, 3, 10, tzinfo=UTC), actor_id="administrator", subject_id=person)


class TestLedger:
    def test_events_get_offsets_from_zero_in_order(self, place: Any) -> None:
        ledger = place.ledger()
        assert [ledger.append(event()) for _ in range(3)] == [0, 1, 2]

    def test_the_state_at_an_offset_holds_exactly_what_came_before(self, place: Any) -> None:
        ledger = place.ledger()
        written = [event() for _ in range(5)]
        for one in written:
            ledger.append(one)
        ledger.replay_to(4)
        for offset in range(5):
            expected = tuple((at, one.event_id) for at, one in enumerate(written[: offset + 1]))
            assert ledger.replay_to(offset) == expected

    def test_what_is_acknowledged_is_there_after_a_restart(self, place: Any) -> None:
        first = place.ledger()
        offsets = [first.append(event()) for _ in range(3)]
        again = place.ledger()
        assert again.replay_all() == first.replay_to(offsets[-1])

    def test_a_new_ledger_is_empty(self, place: Any) -> None:
        assert place.ledger().replay_all() == ()

    def test_ledgers_over_one_log_see_each_others_events(self, place: Any) -> None:
        one, other = place.ledger(), place.ledger()
        one.append(event("one"))
        offset = other.append(event("two"))
        assert one.replay_to(offset) == other.replay_to(offset)

    def test_threads_append_side_by_side(self, place: Any) -> None:
        ledger = place.ledger()

        def ask(person: int) -> list[tuple[int, Any]]:
            taken = []
            for _ in range(10):
                one = event(str(person))
                taken.append((ledger.append(one), one.event_id))
                assert ledger.replay_to(taken[-1][0])[-1] == taken[-1]
            return taken

        with ThreadPoolExecutor(8) as pool:
            taken = [list_ for list_ in pool.map(ask, range(8))]
        assert all(own == sorted(own) for own in taken)
        assert tuple(sorted(sum(taken, []))) == ledger.replay_all()

    def test_it_says_that_it_is_sound_and_reachable(self, place: Any) -> None:
        ledger = place.ledger()
        ledger.check_sound()
        ledger.check_reachable()

    def test_an_offset_that_never_comes_is_not_waited_for_for_ever(self, place: Any) -> None:
        place.ledger().append(event())
        ledger = place.ledger("impatient")
        with pytest.raises(TransientError, match="offset 7"):
            in_time(lambda: ledger.replay_to(7))

    @pytest.mark.parametrize(
        "ask",
        [
            lambda ledger: ledger.append(event()),
            lambda ledger: ledger.replay_to(0),
            lambda ledger: ledger.replay_all(),
            lambda ledger: ledger.check_reachable(),
        ],
        ids=["append", "replay to", "replay all", "check"],
    )
    def test_away_it_says_so_in_bounded_time(self, place: Any, ask: Callable[[Ledger[Any]], Any]) -> None:
        ledger = place.ledger("away")
        with pytest.raises(TransientError):
            in_time(lambda: ask(ledger))


def in_time(act: Callable[[], Any]) -> None:
    started = time.monotonic()
    try:
        act()
    finally:
        assert time.monotonic() - started < LONGEST_SECONDS
