"""What a dead letter may hold: the bytes of a message, unless they would outlive the day of their read on the topic."""

from datetime import datetime

from platestream.clock import from_ms, to_ms
from platestream.errors import InvalidMessage
from platestream.retention import leaves_topic_in_time
from schemas.framing import peek_collected_at_ms
from schemas.topics import topics

TOPIC = "dead-letters"
_FIRST_MS = 946_684_800_000  # the year 2000: what is earlier was no time


def may_hold(value: bytes | None, now: datetime, retention_days: int) -> bool:
    """Whether a dead letter of now may hold a message's bytes.

    A read that was uploaded so late that its day comes before the letter leaves the topic is named by its place alone.
    Of bytes that do not say when they were collected nobody knows: they are kept for the topic's days.

    Keeps: retention.sixty-days
    """
    try:
        collected_at_ms = peek_collected_at_ms(value or b"")
    except InvalidMessage:
        return True
    if not _FIRST_MS <= collected_at_ms <= to_ms(now):
        return True
    return leaves_topic_in_time(from_ms(collected_at_ms), now, topics()[TOPIC].kept_for, retention_days)
