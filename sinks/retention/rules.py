"""Which reads a sink may still store, by the rule of platestream/retention.py. Pictures go with their read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platestream.clock import to_ms
from platestream.errors import InvalidMessage
from platestream.retention import first_kept

_CLOCKS_DIFFER_BY = timedelta(days=1)


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
