"""Judges a read or an alert by its first bytes, plate and time of collection, before anything of it is stored.

What is due for destruction already is left out. Of a read whose plate is suppressed only reader and time go on, to be
counted: no plate, no place, no picture (retention.suppressed), unless an active investigation is about it.
"""

import re

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, peek_collected_at_ms
from schemas.plates import MAX_PLATE_LENGTH, fold_bytes
from sinks.clickhouse.splice import blank
from sinks.holds.investigations import Withheld
from sinks.retention.rules import KeptSpan

_is_plate = re.compile(rb"[A-Z0-9]{1,%d}" % MAX_PLATE_LENGTH).fullmatch
_PLATE_AT = HEADER_BYTES + 1


class Peek:
    """Judges messages one by one."""

    def __init__(self, span: KeptSpan, withheld: Withheld, codec: Codec) -> None:
        self._span = span
        self._withheld = withheld
        self._codec = codec

    def judge_read(self, value: bytes) -> bytes | None:
        """The read to store, None when it is due.

        Raises InvalidMessage when plate or time cannot be those of a read, TransientError when it cannot be known
        whether an investigation is about it. Keeps: retention.sixty-days, retention.suppressed
        """
        if self._is_withheld(value):
            return self._blanked(value)
        return None if self._span.is_overdue(peek_collected_at_ms(value)) else value

    def judge_alert(self, value: bytes) -> bytes | None:
        """The alert to store, None when it is due or withheld as its read is. Raises as `judge_read`."""
        if self._is_withheld(value):
            return None
        return None if self._span.is_overdue(peek_collected_at_ms(value)) else value

    def _is_withheld(self, value: bytes) -> bool:
        end = _plate_end(value)
        if fold_bytes(value[_PLATE_AT:end]) not in self._withheld.plates:
            return False
        try:
            return not self._withheld.investigations.may_keep(self._codec.decode(value))
        except InvalidMessage:
            return True

    def _blanked(self, value: bytes) -> bytes | None:
        """None also where others are refused: a dead letter would keep the plate."""
        try:
            is_overdue = self._span.is_overdue(peek_collected_at_ms(value))
            return None if is_overdue else blank(self._codec.version_of(value), value)
        except InvalidMessage:
            return None


def _plate_end(value: bytes) -> int:
    """Where the plate ends. Raises InvalidMessage when there is none."""
    if len(value) <= HEADER_BYTES:
        raise InvalidMessage("not-framed", "The value has nothing behind its header.")
    length = value[HEADER_BYTES]
    end = _PLATE_AT + (length >> 1)
    if length & 0x81 or not _is_plate(value, _PLATE_AT, end):
        raise InvalidMessage("plate-unusable", "The plate is not of 1 to 20 characters of A-Z and 0-9.")
    return end
