"""Days are dropped whole, in UTC, sixty days later."""

from datetime import UTC, datetime, timedelta, timezone

from platestream.retention import TOPIC_SLACK, destroyed_at, leaves_topic_in_time

DAYS = 60


def test_a_day_is_destroyed_at_midnight_sixty_days_later() -> None:
    assert destroyed_at(datetime(2026, 3, 11, 23, 59, 59, tzinfo=UTC), DAYS) == datetime(2026, 5, 10, tzinfo=UTC)
    assert destroyed_at(datetime(2026, 3, 11, tzinfo=UTC), DAYS) == datetime(2026, 5, 10, tzinfo=UTC)


def test_the_day_is_the_one_in_utc() -> None:
    evening_in_saint_paul = datetime(2026, 3, 11, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert destroyed_at(evening_in_saint_paul, DAYS) == datetime(2026, 5, 11, tzinfo=UTC)


def test_what_is_put_on_a_topic_is_gone_a_day_before_its_own_is_due() -> None:
    collected_at, week = datetime(2026, 3, 11, 9, tzinfo=UTC), timedelta(days=7)
    last = destroyed_at(collected_at, DAYS) - TOPIC_SLACK - week
    assert leaves_topic_in_time(collected_at, last, week, DAYS)
    assert not leaves_topic_in_time(collected_at, last + timedelta(milliseconds=1), week, DAYS)
