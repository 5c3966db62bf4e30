"""The record batches of Kafka's log, as they were fetched: their heads are read, their records are still packed.

A fetch may hold twenty thousand batches of one record, so nothing here makes an object of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import google_crc32c
import numpy as np
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from numpy.typing import NDArray

from streams.chunks.compiled import Bytes, as_array, compiled

CODEC, STAMPED, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20
"""Bits of a head's attributes; of a batch that is stamped, all records have the last time."""

PACKED, PACKED_END, FIRST_OFFSET, NEXT_OFFSET, FIRST_TIME, LAST_TIME, PRODUCER, COUNT, ATTRIBUTES, CHECKSUM = range(10)
"""Columns of `Batches.heads`: where the packed records are, and what the head says of them."""

HEAD_BYTES = 61
_LENGTH_FROM = 12  # offset and length itself are not counted in a batch's length
_CHECKED_FROM = 21  # so far the checksum leaves the head out
_VERSION = 2

_Table = NDArray[np.int64]


class FetchedRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka makes of the bytes of a fetch, and those bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """Batches in order: `heads` (one row each, see the columns) of what is in `raw`.

    Times of records are relative to `FIRST_TIME`, offsets to `FIRST_OFFSET`.
    """

    raw: bytes
    heads: _Table

    def __len__(self) -> int:
        return len(self.heads)

    def those(self, numbers: Sequence[int]) -> "Batches":
        """Those with just these numbers."""
        return Batches(self.raw, self.heads[np.array(numbers, np.int64)])

    def portions(self, records: int) -> Iterator["Batches"]:
        """All, each time as many as hold at most so many records, or one."""
        counts, start, counted = self.heads[:, COUNT].cumsum(), 0, 0
        while start < len(self):
            stop = max(start + 1, int(counts.searchsorted(counted + records, "right")))
            yield Batches(self.raw, self.heads[start:stop])
            start, counted = stop, int(counts[stop - 1])


def is_sound(raw: bytes, head: list[int]) -> bool:
    """Whether the checksum of a row of `Batches.heads` is right."""
    checked = raw[head[PACKED] - HEAD_BYTES + _CHECKED_FROM : head[PACKED_END]]
    return bool(google_crc32c.value(checked) == head[CHECKSUM])


def batches_in(raw: bytes) -> Batches:
    """The batches of a fetch, without the one that it cuts.

    Raises CorruptRecordException for one of another version than brokers have written since Kafka 0.11.
    """
    heads = np.empty((len(raw) // HEAD_BYTES, 10), np.int64)
    count = _read_heads(as_array(raw), heads)
    if count < 0:
        raise CorruptRecordException(
            f"The batch at offset {heads[~count, FIRST_OFFSET]} is not of format {_VERSION}, or damaged."
        )
    return Batches(raw, heads[:count].copy())


@compiled
def _read_heads(raw: Bytes, heads: _Table) -> int:
    """Fills `heads` and returns how many there are; ~n when the one with number n is no batch of version 2."""
    at, count = 0, 0
    while at + HEAD_BYTES <= len(raw):
        length, head = _number(raw, at + 8, 4), heads[count]
        if at + _LENGTH_FROM + length > len(raw):
            break
        head[PACKED], head[PACKED_END] = at + HEAD_BYTES, at + _LENGTH_FROM + length
        head[FIRST_OFFSET] = _number(raw, at, 8)
        head[CHECKSUM] = _number(raw, at + 17, 4) & 0xFFFFFFFF
        head[ATTRIBUTES] = _number(raw, at + 21, 2)
        head[NEXT_OFFSET] = head[FIRST_OFFSET] + _number(raw, at + 23, 4) + 1
        head[FIRST_TIME] = _number(raw, at + 27, 8)
        head[LAST_TIME] = _number(raw, at + 35, 8)
        head[PRODUCER] = _number(raw, at + 43, 8)
        head[COUNT] = _number(raw, at + 57, 4)
        if raw[at + 16] != _VERSION or head[PACKED_END] < head[PACKED] or head[COUNT] < 0:
            return ~count
        at = head[PACKED_END]
        count += 1
    return count


@compiled
def _number(raw: Bytes, at: int, size: int) -> int:
    """A signed big-endian number of so many bytes."""
    value = np.int64(0)
    for byte in range(size):
        value = value << 8 | np.int64(raw[at + byte])
    sign = np.int64(1) << 8 * size - 1
    return int((value ^ sign) - sign)
