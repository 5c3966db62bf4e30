"""Finds in one pass over many framed values those that are plainly to be stored, as most are.

Judging a value by itself takes a microsecond or two (peeking.py). What is not plain here, for whatever reason, is
judged so; a test holds that both agree.
"""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.framing import HEADER_BYTES
from schemas.plates import MAX_PLATE_LENGTH, fold_bytes
from sinks.retention.rules import KeptSpan

_PLATE_AT = HEADER_BYTES + 1
_BYTES_OF_TIME = 6
_SIX_FROM_MS = 1 << 34
_SIX_UNTIL_MS = 1 << 41
_CONTINUED = np.uint64(0x8080_8080_8080)  # the bit of each byte that says whether another follows
_SIX_BYTES = np.uint64(0x0080_8080_8080)  # five do, the sixth does not
_ALLOWED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_BEHIND = bytes(_PLATE_AT + MAX_PLATE_LENGTH + 8)  # so that looking behind the last value is no mistake

_FOLDED = np.zeros(256, np.uint8)  # what each byte of a plate is folded to; 0 for what is none
_FOLDED[np.frombuffer(_ALLOWED, np.uint8)] = np.frombuffer(fold_bytes(_ALLOWED), np.uint8)

Many = NDArray[np.bool_]


class Glance:
    """Looks at values that begin with plate and time of collection. `suppressed` holds folded plates.

    A time from August 1970 until September 2039 takes six bytes as a long of Avro, and those, read as a little-endian
    number, are in the order of the times. Outside of these years nothing is plain.
    """

    def __init__(self, span: KeptSpan, suppressed: Container[bytes]) -> None:
        self._suppressed = suppressed
        in_reach = span.first_ms >= _SIX_FROM_MS and span.last_ms < _SIX_UNTIL_MS
        self._first = np.uint64(int.from_bytes(long_of_six_bytes(span.first_ms), "little") if in_reach else 1)
        self._last = np.uint64(int.from_bytes(long_of_six_bytes(span.last_ms), "little") if in_reach else 0)

    def plain(self, values: Sequence[bytes], header: bytes) -> Many:
        """For each value whether it has this header, a usable plate that is not suppressed, and a time to be kept."""
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        content = np.frombuffer(b"".join([*values, _BEHIND]), np.uint8)
        starts = np.cumsum(lengths) - lengths
        heads = content[starts[:, None] + np.arange(_PLATE_AT)]
        doubled = heads[:, HEADER_BYTES].astype(np.int64)  # Avro's length of the plate
        plain: Many = (heads[:, :HEADER_BYTES] == np.frombuffer(header, np.uint8)).all(axis=1)
        plain &= (doubled & 1 == 0) & (doubled > 0) & (doubled <= 2 * MAX_PLATE_LENGTH)
        plate_lengths = np.where(plain, doubled >> 1, 0)
        plain &= lengths >= _PLATE_AT + plate_lengths + _BYTES_OF_TIME
        plain &= self._is_kept(content, starts + _PLATE_AT + plate_lengths)
        return plain & self._has_plate(content, starts + _PLATE_AT, plate_lengths)

    def _is_kept(self, content: NDArray[np.uint8], places: NDArray[np.int64]) -> Many:
        at = content[places[:, None] + np.arange(8)].view("<u8").ravel() & np.uint64((1 << 48) - 1)
        is_kept: Many = (at & _CONTINUED == _SIX_BYTES) & (at >= self._first) & (at <= self._last)
        return is_kept

    def _has_plate(self, content: NDArray[np.uint8], places: NDArray[np.int64], lengths: NDArray[np.int64]) -> Many:
        place_in_plate = np.arange(max(1, int(lengths.max(initial=0))))
        is_behind = place_in_plate >= lengths[:, None]
        folded = _FOLDED[content[places[:, None] + place_in_plate]]
        is_usable: Many = (folded.astype(bool) | is_behind).all(axis=1)
        folded[is_behind] = 0
        plates = folded.view(f"S{len(place_in_plate)}").ravel().tolist()
        is_suppressed = np.fromiter(map(self._suppressed.__contains__, plates), np.bool_, len(plates))
        return is_usable & ~is_suppressed


def long_of_six_bytes(at_ms: int) -> bytes:
    """A time as a long of Avro; from August 1970 until September 2039 it takes six bytes."""
    groups_of_seven = (at_ms << 1 >> 7 * place & 0x7F for place in range(6))
    return (0x0080_8080_8080 | sum(bits << 8 * place for place, bits in enumerate(groups_of_seven))).to_bytes(
        6, "little"
    )
