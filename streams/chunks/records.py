"""The records of some batches: one piece of bytes, and a table of where in it each record has its key and value.

A record becomes an object only when it is asked for. To make one of each costs more than to tell which are wanted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from aiokafka import codec as codecs
from aiokafka.errors import CorruptRecordException
from numpy.typing import NDArray

from streams.chunks.batch import (
    ATTRIBUTES,
    CODEC,
    COUNT,
    FIRST_OFFSET,
    FIRST_TIME,
    LAST_TIME,
    PACKED,
    PACKED_END,
    STAMPED,
    Batches,
)
from streams.chunks.compiled import Bytes, as_array, compiled

START, END, KEY, KEY_END, VALUE, VALUE_END, OFFSET, TIME = range(8)
"""Columns of `Records.places`. Of a record without key or value, its end is before its start."""

_DECODE = {0: bytes, 1: codecs.gzip_decode, 2: codecs.snappy_decode, 3: codecs.lz4_decode, 4: codecs.zstd_decode}
_JOINED = (1, 3, 4)  # what is packed with these may be put one after another

_Table = NDArray[np.int64]


class Record(NamedTuple):
    """One message; `timestamp` is in ms since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, eq=False, slots=True)
class Records(Sequence[Record]):
    """Records in order: `places` (one row each, see the columns) say where in `content`."""

    content: bytes
    places: _Table

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Record:  # type: ignore[override]  # parts are asked for by name
        return self._record(self.places[number].tolist())

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self.places.tolist())

    def part(self, start: int, stop: int | None = None) -> "Records":
        """Those with these numbers."""
        return Records(self.content, self.places[start:stop])

    def those(self, numbers: Sequence[int]) -> "Records":
        """Those with just these numbers."""
        return Records(self.content, self.places[np.array(numbers, np.int64)])

    def since(self, offset: int) -> "Records":
        """Those with this offset or a later one."""
        return self.part(int(np.searchsorted(self.places[:, OFFSET], offset)))

    def _record(self, row: list[int]) -> Record:
        _, _, key, key_end, value, value_end, offset, time = row
        content = self.content
        return Record(
            offset,
            time,
            content[key:key_end] if key <= key_end else None,
            content[value:value_end] if value <= value_end else None,
        )


def unpack(batches: Batches) -> Records:
    """The records of batches. Raises CorruptRecordException when one is not what Kafka writes."""
    content, borders = _uncompress(batches)
    places = np.empty((int(batches.heads[:, COUNT].sum()), 8), np.int64)
    if _find_places(as_array(content), batches.heads, borders, places) < 0:
        raise CorruptRecordException(f"A batch from offset {_first(batches)} on is not what its head says.")
    return Records(content, places)


def _uncompress(batches: Batches) -> tuple[bytes, _Table]:
    """What the batches hold, and in it the start of each (-1: where the one before ends) and its border.

    Batches of one codec that follow each other are uncompressed at once, which costs a fifth where they are small.
    """
    borders, kinds = batches.heads[:, PACKED : PACKED_END + 1], batches.heads[:, ATTRIBUTES] & CODEC
    if not kinds.any():
        return batches.raw, borders
    view, pieces, found, length = memoryview(batches.raw), list[bytes](), list[tuple[int, int]](), 0
    for kind, run in groupby(zip(kinds.tolist(), *borders.T.tolist(), strict=True), itemgetter(0)):
        packed = [view[start:end] for _, start, end in run]
        for together in [packed] if kind in _JOINED else [[one] for one in packed]:
            pieces.append(_decode(kind, together, batches))
            end = length + len(pieces[-1])
            found += [(length, end), *[(-1, end)] * (len(together) - 1)]
            length = end
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), np.array(found, np.int64)


def _decode(kind: int, packed: list[memoryview], batches: Batches) -> bytes:
    whole = packed[0] if len(packed) == 1 else b"".join(packed)
    try:
        return bytes(_DECODE[kind](whole))
    except Exception as error:
        raise CorruptRecordException(f"A batch from offset {_first(batches)} on cannot be unpacked.") from error


def _first(batches: Batches) -> int:
    return int(batches.heads[0, FIRST_OFFSET])


def records_of_values(values: Sequence[bytes], offsets: Sequence[int] = ()) -> Records:
    """Values without keys and times; without `offsets` all have offset 0."""
    places = np.zeros((len(values), 8), np.int64)
    places[:, KEY_END] = -1
    places[:, VALUE_END] = np.cumsum([len(value) for value in values])
    places[1:, VALUE] = places[:-1, VALUE_END]
    places[:, OFFSET] = offsets or 0
    return Records(b"".join(values), places)


@compiled
def _find_places(content: Bytes, heads: _Table, borders: _Table, places: _Table) -> int:
    """Fills `places`; -1 when records do not fit."""
    number, at = 0, 0
    for batch in range(len(heads)):
        head, start, end = heads[batch], borders[batch, 0], borders[batch, 1]
        at = start if start >= 0 else at
        for _ in range(head[COUNT]):
            length, at = varint(content, at, end)
            if length < 1 or length > end - at:
                return -1
            record_end = at + length
            row = places[number]
            row[START], row[END] = at, record_end
            time, at = varint(content, at + 1, record_end)
            offset, at = varint(content, at, record_end)
            row[OFFSET] = head[FIRST_OFFSET] + offset
            row[TIME] = head[LAST_TIME] if head[ATTRIBUTES] & STAMPED else head[FIRST_TIME] + time
            for column in (KEY, VALUE):
                length, at = varint(content, at, record_end)
                if length > record_end - at:
                    return -1
                row[column] = at
                row[column + 1] = at + max(length, -1)  # -1 where there is none
                at += max(length, 0)
            at = record_end
            number += 1
        is_border = batch + 1 == len(heads) or borders[batch + 1, 0] >= 0
        if is_border and at != end:
            return -1
    return number


@compiled
def varint(content: Bytes, at: int, end: int) -> tuple[int, int]:
    """A zigzag number of variable length and where it ends; past `end` when it is cut."""
    value, shift = np.int64(0), 0
    while at < end and shift < 64:
        byte = np.int64(content[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return int((value >> 1) ^ -(value & 1)), at
        shift += 7
    return 0, end + 1
