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
_CONTINUED = 0x8080_8080_8080  # the bit of each byte that says whether another follows
_SIX_BYTES = 0x0080_8080_8080  # five do, the sixth does not
_SIX_FROM_MS = 1 << 34
_SIX_UNTIL_MS = 1 << 41
_PLATE_AT = HEADER_BYTES + 1


class Peek:
    """Judges the messages of one batch; half of the time of sorting is spent here. `suppressed` holds folded plates.

    A time from August 1970 until September 2039 takes six bytes as a long of Avro, and those, read as a little-endian
    number, are in the order of the times. So a time within the span is known without decoding it.
    """

    def __init__(self, span: KeptSpan, suppressed: Container[bytes], codec: Codec) -> None:
        self._span = span
        self._suppressed = suppressed
        self._codec = codec
        in_reach = span.first_ms >= _SIX_FROM_MS and span.last_ms < _SIX_UNTIL_MS
        self._first = int.from_bytes(long_of_six_bytes(span.first_ms), "little") if in_reach else 1
        self._last = int.from_bytes(long_of_six_bytes(span.last_ms), "little") if in_reach else 0

    def judge_read(self, value: bytes) -> bytes | None:
        """The read to store, None when it is due. Raises InvalidMessage when plate or time cannot be those of a read.

        Keeps: retention.sixty-days
        """
        end = _plate_end(value)
        if fold_bytes(value[_PLATE_AT:end]) in self._suppressed:
            return self._blanked(value)
        return None if self._is_overdue(value, end) else value

    def judge_alert(self, value: bytes) -> bytes | None:
        """The alert to store, None when it is due or its plate is suppressed. Raises as `judge_read`."""
        end = _plate_end(value)
        if fold_bytes(value[_PLATE_AT:end]) in self._suppressed:
            return None
        return None if self._is_overdue(value, end) else value

    def _blanked(self, value: bytes) -> bytes | None:
        """None also where others are refused: a dead letter would keep the plate."""
        try:
            is_overdue = self._span.is_overdue(peek_collected_at_ms(value))
            return None if is_overdue else blank(self._codec.version_of(value), value)
        except InvalidMessage:
            return None

    def _is_overdue(self, value: bytes, end: int) -> bool:
        at = int.from_bytes(value[end : end + 6], "little")
        if at & _CONTINUED == _SIX_BYTES and self._first <= at <= self._last:
            return False
        return self._span.is_overdue(peek_collected_at_ms(value))


def _plate_end(value: bytes) -> int:
    """Where the plate ends. Raises InvalidMessage when there is none."""
    if len(value) <= HEADER_BYTES:
        raise InvalidMessage("not-framed", "The value has nothing behind its header.")
    length = value[HEADER_BYTES]
    end = _PLATE_AT + (length >> 1)
    if length & 0x81 or not _is_plate(value, _PLATE_AT, end):
        raise InvalidMessage("plate-unusable", "The plate is not of 1 to 20 characters of A-Z and 0-9.")
    return end


def long_of_six_bytes(at_ms: int) -> bytes:
    """A time as a long of Avro; from August 1970 until September 2039 it takes six bytes."""
    groups_of_seven = (at_ms << 1 >> 7 * place & 0x7F for place in range(6))
    return (_SIX_BYTES | sum(bits << 8 * place for place, bits in enumerate(groups_of_seven))).to_bytes(6, "little")
