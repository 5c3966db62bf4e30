"""The records of some batches: one piece of bytes, and a table of where in it each record has its key and value.

A record becomes an object only when it is asked for. To make one of each costs more than to tell which are wanted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from aiokafka.errors import CorruptRecordException
from numpy.typing import NDArray

from streams.chunks.batch import Batch
from streams.chunks.compiled import Bytes, as_array, compiled

START, END, KEY, KEY_END, VALUE, VALUE_END, OFFSET, TIME = range(8)
"""Columns of `Records.places`. Of a record without key or value, its end is before its start."""

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


def unpack(batches: Sequence[Batch]) -> Records:
    """The records of batches. Raises CorruptRecordException when one is not what Kafka writes."""
    contents = [batch.unpack() for batch in batches]
    content = contents[0] if len(contents) == 1 else b"".join(contents)
    heads = np.array(
        [
            (len(part), batch.records, batch.base_offset, batch.base_time, batch.append_time)
            for part, batch in zip(contents, batches, strict=True)
        ],
        np.int64,
    ).reshape(-1, 5)
    places = np.empty((int(heads[:, 1].sum()), 8), np.int64)
    if _find_places(as_array(content), heads, places) < 0:
        raise CorruptRecordException(f"A batch from offset {batches[0].base_offset} on is not what its header says.")
    return Records(content, places)


def records_of_values(values: Sequence[bytes], offsets: Sequence[int] = ()) -> Records:
    """Values without keys and times; without `offsets` all have offset 0."""
    places = np.zeros((len(values), 8), np.int64)
    places[:, KEY_END] = -1
    places[:, VALUE_END] = np.cumsum([len(value) for value in values])
    places[1:, VALUE] = places[:-1, VALUE_END]
    places[:, OFFSET] = offsets or 0
    return Records(b"".join(values), places)


@compiled
def _find_places(content: Bytes, heads: _Table, places: _Table) -> int:
    """Fills `places`; -1 when a record does not fit. A head is bytes, count, first offset, first time, append time."""
    number, start = 0, 0
    for head in range(len(heads)):
        end = start + int(heads[head, 0])
        at = start
        for _ in range(heads[head, 1]):
            length, at = varint(content, at, end)
            if length < 1 or length > end - at:
                return -1
            record_end = at + length
            row = places[number]
            row[START], row[END] = at, record_end
            time, at = varint(content, at + 1, record_end)
            offset, at = varint(content, at, record_end)
            row[OFFSET] = heads[head, 2] + offset
            row[TIME] = heads[head, 3] + time if heads[head, 4] < 0 else heads[head, 4]
            for column in (KEY, VALUE):
                length, at = varint(content, at, record_end)
                if length > record_end - at:
                    return -1
                row[column] = at
                row[column + 1] = at + max(length, -1)  # -1 where there is none
                at += max(length, 0)
            at = record_end
            number += 1
        start = end
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
