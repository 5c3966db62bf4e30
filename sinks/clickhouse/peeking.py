"""Judges a read or an alert by its first bytes, plate and time of collection, before anything of it is stored.

What is due for destruction already is left out. Of a read whose plate is suppressed only reader and time go on, to be
counted: no plate, no place, no picture (retention.suppressed).
"""

import re
from collections.abc import Container

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, peek_collected_at_ms
from schemas.plates import MAX_PLATE_LENGTH, fold_bytes
from sinks.clickhouse.splice import blank
from sinks.retention.rules import KeptSpan

_is_plate = re.compile(rb"[A-Z0-9]{1,%d}" % MAX_PLATE_LENGTH).fullmatch
_PLATE_AT = HEADER_BYTES + 1


class Peek:
    """Judges messages one by one. `suppressed` holds folded plates."""

    def __init__(self, span: KeptSpan, suppressed: Container[bytes], codec: Codec) -> None:
        self._span = span
        self._suppressed = suppressed
        self._codec = codec

    def judge_read(self, value: bytes) -> bytes | None:
        """The read to store, None when it is due. Raises InvalidMessage when plate or time cannot be those of a read.

        Keeps: retention.sixty-days
        """
        end = _plate_end(value)
        if fold_bytes(value[_PLATE_AT:end]) in self._suppressed:
            return self._blanked(value)
        return None if self._span.is_overdue(peek_collected_at_ms(value)) else value

    def judge_alert(self, value: bytes) -> bytes | None:
        """The alert to store, None when it is due or its plate is suppressed. Raises as `judge_read`."""
        end = _plate_end(value)
        if fold_bytes(value[_PLATE_AT:end]) in self._suppressed:
            return None
        return None if self._span.is_overdue(peek_collected_at_ms(value)) else value

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
