"""When what was collected is due for destruction: the one rule that every stage asks.

Data is destroyed no later than 60 days from its collection. Days are dropped whole, so the day of collection, by the
reader's clock in UTC, is due at 00:00 UTC of day + 60. What is due when it arrives is never stored.
"""

from datetime import UTC, datetime, time, timedelta


def destroyed_at(collected_at: datetime, days: int) -> datetime:
    """When the day of `collected_at` is dropped: 00:00 UTC, `days` after it. Keeps: retention.sixty-days"""
    return _midnight(collected_at) + timedelta(days=days)


def first_kept(now: datetime, days: int) -> datetime:
    """The earliest time of collection that is not yet due at `now`. Keeps: retention.sixty-days"""
    return _midnight(now) - timedelta(days=days - 1)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(tzinfo=UTC))
