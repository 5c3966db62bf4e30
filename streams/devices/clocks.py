"""Rules about a reader's clock, applied to every read when it is heard (step 1).

A read from the future is refused. When it is ahead by whole hours, local time was sent as UTC: the reason says so. A
read from the past is an ordinary late upload, until the day it must be destroyed.
"""

from datetime import UTC, datetime, timedelta

from platestream.errors import InvalidMessage

MAX_AHEAD = timedelta(minutes=5)
_ZONE_SLACK = timedelta(minutes=2)
_LARGEST_ZONE_OFFSET = timedelta(hours=14)
_HOUR = timedelta(hours=1)
_FIRST_SECOND = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LAST_SECOND = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def time_of(epoch: float | None) -> datetime:
    """Aware UTC time of seconds or milliseconds since 1970: the one that falls in 2000 to 2100.

    Raises InvalidMessage when it is missing, or falls there in neither unit.
    """
    if epoch is None:
        raise InvalidMessage("time-missing", "The message has no time of collection as a number.")
    for seconds in (epoch, epoch / 1000):
        if _FIRST_SECOND <= seconds < _LAST_SECOND:
            return datetime.fromtimestamp(round(seconds, 3), UTC)
    raise InvalidMessage(
        "time-out-of-range", "The time of collection is not between 2000 and 2100, in seconds or in milliseconds."
    )


def check_not_ahead(collected_at: datetime, received_at: datetime) -> None:
    """Raises InvalidMessage, reason clock-ahead or zone-error, for a read more than MAX_AHEAD from the future."""
    ahead = collected_at - received_at
    if ahead <= MAX_AHEAD:
        return
    if abs(ahead - round(ahead / _HOUR) * _HOUR) <= _ZONE_SLACK and ahead <= _LARGEST_ZONE_OFFSET + _ZONE_SLACK:
        raise InvalidMessage(
            "zone-error", "The reader's clock is ahead by whole hours: it sends local time as UTC; correct its zone."
        )
    raise InvalidMessage("clock-ahead", "The reader's clock is more than 5 minutes ahead; set it by NTP.")
