"""Destroyed no later than 60 days from collection; a read that is due on arrival is never stored."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.clock import from_ms, to_ms
from platestream.errors import InvalidMessage
from platestream.retention import destroyed_at, first_kept
from sinks.retention.rules import KeptSpan

NOW = datetime(2026, 5, 10, 13, 30, tzinfo=UTC)
DAYS = 60
MOMENTS = st.integers(946_684_800_000, 4_102_444_800_000).map(from_ms)


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize(
    ("collected_at", "overdue"),
    [
        (datetime(2026, 3, 11, 23, 59, 59, 999000, tzinfo=UTC), True),
        (datetime(2026, 3, 12, tzinfo=UTC), False),
        (datetime(2026, 3, 12, 0, 0, 0, 1000, tzinfo=UTC), False),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
        (NOW, False),
    ],
)
def test_overdue_is_what_would_be_destroyed_today_or_earlier(collected_at: datetime, overdue: bool) -> None:
    assert KeptSpan.at(NOW, DAYS).is_overdue(to_ms(collected_at)) is overdue


@given(now=MOMENTS, age=st.timedeltas(timedelta(days=-1), timedelta(days=200)), days=st.integers(1, 60))
@pytest.mark.rule("retention.sixty-days")
def test_kept_exactly_when_its_destruction_lies_ahead(now: datetime, age: timedelta, days: int) -> None:
    collected_at = from_ms(to_ms(now - age))
    overdue = KeptSpan.at(now, days).is_overdue(to_ms(collected_at))
    assert overdue == (destroyed_at(collected_at, days) <= now)
    assert overdue == (collected_at < first_kept(now, days))
    assert destroyed_at(collected_at, days) - collected_at <= timedelta(days=days)


@pytest.mark.rule("retention.sixty-days")
def test_a_reader_whose_clock_is_ahead_cannot_keep_its_reads_longer() -> None:
    span = KeptSpan.at(NOW, DAYS)
    assert not span.is_overdue(to_ms(NOW + timedelta(days=1)))
    with pytest.raises(InvalidMessage) as caught:
        span.is_overdue(to_ms(NOW + timedelta(days=1, milliseconds=1)))
    assert caught.value.reason == "collected-ahead"
