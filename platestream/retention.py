"""When what was collected is due for destruction: the one rule that every stage asks.

Data is destroyed no later than 60 days from its collection. Days are dropped whole, so the day of collection, by the
reader's clock in UTC, is due at 00:00 UTC of day + 60. What is due when it arrives is never stored.
"""

from datetime import UTC, datetime, time, timedelta

TOPIC_SLACK = timedelta(days=1)  # a segment rolls, and a broker looks and deletes, some time after its topic's days


def destroyed_at(collected_at: datetime, days: int) -> datetime:
    """When the day of `collected_at` is dropped: 00:00 UTC, `days` after it. Keeps: retention.sixty-days"""
    return _midnight(collected_at) + timedelta(days=days)


def first_kept(now: datetime, days: int) -> datetime:
    """The earliest time of collection that is not yet due at `now`. Keeps: retention.sixty-days"""
    return _midnight(now) - timedelta(days=days - 1)


def leaves_topic_in_time(collected_at: datetime, put_at: datetime, kept_for: timedelta, days: int) -> bool:
    """Whether what is put on a topic at `put_at`, which keeps it for `kept_for`, is gone when its day is due.

    Keeps: retention.sixty-days
    """
    return put_at + kept_for + TOPIC_SLACK <= destroyed_at(collected_at, days)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(tzinfo=UTC))
