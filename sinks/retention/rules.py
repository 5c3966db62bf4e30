"""When a read is due for destruction, as pure rules. Pictures go with their read.

A read is destroyed no later than 60 days from its collection: the day of collection, by the reader's clock in UTC,
is dropped whole at 00:00 UTC of day + 60. A read whose day is due already when it arrives is never stored.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from platestream.clock import to_ms
from platestream.errors import InvalidMessage

_CLOCKS_DIFFER_BY = timedelta(days=1)


def destroyed_at(collected_at: datetime, days: int) -> datetime:
    """When the day of `collected_at` is dropped: 00:00 UTC, `days` after it."""
    return _midnight(collected_at) + timedelta(days=days)


def first_kept(now: datetime, days: int) -> datetime:
    """The earliest collected_at that is not yet due at `now`."""
    return _midnight(now) - timedelta(days=days - 1)


@dataclass(frozen=True)
class KeptSpan:
    """Which times of collection (milliseconds since 1970) may be stored now.

    A reader whose clock is ahead would keep its reads beyond their 60 days, so they are refused.

    Keeps: retention.sixty-days
    """

    first_ms: int
    last_ms: int

    @classmethod
    def at(cls, now: datetime, days: int) -> "KeptSpan":
        return cls(to_ms(first_kept(now, days)), to_ms(now + _CLOCKS_DIFFER_BY))

    def is_overdue(self, collected_at_ms: int) -> bool:
        """Due for destruction already. Raises InvalidMessage when it lies more than a day in the future."""
        if collected_at_ms > self.last_ms:
            raise InvalidMessage("collected-ahead", "The time of collection lies more than a day in the future.")
        return collected_at_ms < self.first_ms


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(tzinfo=UTC))
