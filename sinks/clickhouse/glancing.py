"""Finds in one pass over many framed values those that are plainly to be stored, as most are.

Judging a value by itself takes a microsecond or two (peeking.py). What is not plain here, for whatever reason, is
judged so; a test holds that both agree.
"""

from collections.abc import Collection
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.framing import HEADER_BYTES
from schemas.plates import MAX_PLATE_LENGTH
from sinks.retention.rules import KeptSpan
from streams.chunks.compiled import Bytes, Flags, as_array, compiled
from streams.chunks.plates import hash_of
from streams.chunks.records import VALUE, VALUE_END, Records

_PLATE_AT = HEADER_BYTES + 1
_BYTES_OF_TIME = 6
_SIX_FROM_MS = 1 << 34
_SIX_UNTIL_MS = 1 << 41
_CONTINUED = 0x8080_8080_8080  # the bit of each byte that says whether another follows
_SIX_BYTES = 0x0080_8080_8080  # five do, the sixth does not
_LEAST_PLACES, _PLACES_PER_PLATE = 1024, 64

_IS_PLAIN = np.zeros(256, np.bool_)  # the bytes of a plate
_IS_PLAIN[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", np.uint8)] = True


class Glance:
    """Looks at values that begin with plate and time of collection. `suppressed` holds folded plates.

    A time from August 1970 until September 2039 takes six bytes as a long of Avro, and those, read as a little-endian
    number, are in the order of the times. Outside of these years nothing is plain. Nor is a plate whose hash looks like
    that of a suppressed one: of others one in a thousand at most.
    """

    def __init__(self, span: KeptSpan, suppressed: Collection[bytes]) -> None:
        in_reach = span.first_ms >= _SIX_FROM_MS and span.last_ms < _SIX_UNTIL_MS
        self._first = int.from_bytes(long_of_six_bytes(span.first_ms), "little") if in_reach else 1
        self._last = int.from_bytes(long_of_six_bytes(span.last_ms), "little") if in_reach else 0
        self._hashes = _hashes_of(frozenset(suppressed))

    def plain(self, records: Records, header: bytes) -> Flags:
        """For each value whether it has this header, a usable plate that is not suppressed, and a time to be kept."""
        plain, span = np.empty(len(records), np.bool_), np.array([self._first, self._last])
        _find_plain(plain, as_array(records.content), records.places, as_array(header), span, self._hashes)
        return plain


@lru_cache(maxsize=2)
def _hashes_of(plates: frozenset[bytes]) -> Flags:
    """A Bloom filter: true at both places of each plate's hash. A power of two of places."""
    found = np.zeros(max(_LEAST_PLACES, 1 << (_PLACES_PER_PLATE * len(plates) - 1).bit_length()), np.bool_)
    for plate in plates:
        found[list(_places_of(as_array(plate), 0, len(plate), found))] = True
    return found


@compiled
def _places_of(content: Bytes, start: int, end: int, hashes: Flags) -> tuple[int, int]:
    value, last = hash_of(content, start, end), np.uint64(len(hashes) - 1)
    return int(value & last), int(value * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32) & last)


@compiled
def _find_plain(  # noqa: PLR0913 - compiled code has no objects
    plain: Flags, content: Bytes, places: NDArray[np.int64], header: Bytes, span: NDArray[np.int64], hashes: Flags
) -> None:
    for number in range(len(places)):
        plain[number] = _is_plain(content, places[number, VALUE], places[number, VALUE_END], header, span, hashes)


@compiled
def _is_plain(content: Bytes, at: int, end: int, header: Bytes, span: NDArray[np.int64], hashes: Flags) -> bool:  # noqa: PLR0913 - compiled code has no objects
    if end - at < _PLATE_AT:
        return False
    for byte in range(HEADER_BYTES):
        if content[at + byte] != header[byte]:
            return False
    doubled, plate = content[at + HEADER_BYTES], at + _PLATE_AT  # Avro's length of the plate
    plate_end = plate + (doubled >> 1)
    if doubled & 1 or not 0 < doubled <= 2 * MAX_PLATE_LENGTH or plate_end + _BYTES_OF_TIME > end:
        return False
    for byte in range(plate, plate_end):
        if not _IS_PLAIN[content[byte]]:
            return False
    time = np.int64(0)
    for byte in range(_BYTES_OF_TIME):
        time |= np.int64(content[plate_end + byte]) << 8 * byte
    if time & _CONTINUED != _SIX_BYTES or not span[0] <= time <= span[1]:
        return False
    one, other = _places_of(content, plate, plate_end, hashes)
    return not (hashes[one] and hashes[other])


def long_of_six_bytes(at_ms: int) -> bytes:
    """A time as a long of Avro; from August 1970 until September 2039 it takes six bytes."""
    groups_of_seven = (at_ms << 1 >> 7 * place & 0x7F for place in range(6))
    return (0x0080_8080_8080 | sum(bits << 8 * place for place, bits in enumerate(groups_of_seven))).to_bytes(
        6, "little"
    )
