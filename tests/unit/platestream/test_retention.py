"""Days are dropped whole, in UTC, sixty days later."""

from datetime import UTC, datetime, timedelta, timezone

from platestream.retention import destroyed_at

DAYS = 60


def test_a_day_is_destroyed_at_midnight_sixty_days_later() -> None:
    assert destroyed_at(datetime(2026, 3, 11, 23, 59, 59, tzinfo=UTC), DAYS) == datetime(2026, 5, 10, tzinfo=UTC)
    assert destroyed_at(datetime(2026, 3, 11, tzinfo=UTC), DAYS) == datetime(2026, 5, 10, tzinfo=UTC)


def test_the_day_is_the_one_in_utc() -> None:
    evening_in_saint_paul = datetime(2026, 3, 11, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert destroyed_at(evening_in_saint_paul, DAYS) == datetime(2026, 5, 11, tzinfo=UTC)
