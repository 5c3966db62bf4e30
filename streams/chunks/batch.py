"""The record batches of Kafka's log, as they were fetched: their heads are read, their records are still packed.

A fetch may hold twenty thousand batches of one record, so nothing here makes an object of each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from numpy.typing import NDArray

from streams.chunks.compiled import Bytes, as_array, compiled

CODEC, APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20
"""Bits of a head's attributes."""

_HEAD = np.dtype(
    [
        ("base_offset", ">i8"),
        ("length", ">i4"),
        ("leader_epoch", ">i4"),
        ("version", "i1"),
        ("checksum", ">u4"),
        ("attributes", ">i2"),
        ("last_offset", ">i4"),
        ("first_time", ">i8"),
        ("last_time", ">i8"),
        ("producer_id", ">i8"),
        ("producer_epoch", ">i2"),
        ("sequence", ">i4"),
        ("records", ">i4"),
    ]
)
HEAD_BYTES = _HEAD.itemsize
_LENGTH_AT = 8
_LENGTH_FROM = 12  # offset and length itself are not counted in a batch's length
_CHECKED_FROM = 21  # so far the checksum leaves the head out
_VERSION = 2

_Places = NDArray[np.int64]


class FetchedRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka makes of the bytes of a fetch, and those bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """Batches in order: `heads` (Kafka's fields, one row each) of those that begin at `starts` in `raw`.

    Offsets and times of their records are relative to `base_offset` and `first_time` of their head.
    """

    raw: bytes
    starts: _Places
    heads: NDArray[Any]

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, which: "slice | NDArray[np.bool_]") -> "Batches":
        """Those of a slice or a mask."""
        return Batches(self.raw, self.starts[which], self.heads[which])

    @property
    def ends(self) -> _Places:
        """Where in `raw` each ends."""
        found: _Places = self.starts + _LENGTH_FROM + self.heads["length"]
        return found

    @property
    def next_offsets(self) -> _Places:
        """The offset after each."""
        found: _Places = self.heads["base_offset"].astype(np.int64) + self.heads["last_offset"] + 1
        return found

    def sound(self) -> "Batches":
        """Those before the first whose checksum is wrong."""
        view = memoryview(self.raw)
        places = zip((self.starts + _CHECKED_FROM).tolist(), self.ends.tolist(), strict=True)
        sums = np.array([calc_crc32c(view[start:end]) for start, end in places], np.uint32)
        wrong = np.flatnonzero(sums != self.heads["checksum"])
        return self.part(slice(wrong[0])) if len(wrong) else self

    def portions(self, records: int) -> Iterator["Batches"]:
        """All, each time as many as hold at most so many records, or one."""
        counts, start, counted = self.heads["records"].cumsum(dtype=np.int64), 0, 0
        while start < len(self):
            stop = max(start + 1, int(np.searchsorted(counts, counted + records, "right")))
            yield self.part(slice(start, stop))
            start, counted = stop, int(counts[stop - 1])


def batches_in(raw: bytes) -> Batches:
    """The batches of a fetch, without the one that it cuts.

    Raises CorruptRecordException for one of another version than brokers have written since Kafka 0.11.
    """
    starts = np.empty(len(raw) // HEAD_BYTES, np.int64)
    starts = starts[: _find_starts(as_array(raw), starts)]
    heads = np.ndarray(max(0, len(raw) - HEAD_BYTES + 1), _HEAD, raw, strides=(1,))[starts]
    wrong = (heads["version"] != _VERSION) | (heads["length"] < HEAD_BYTES - _LENGTH_FROM) | (heads["records"] < 0)
    for head in heads[wrong]:
        raise CorruptRecordException(
            f"The batch at offset {head['base_offset']} is of format {head['version']}, not {_VERSION}."
        )
    return Batches(raw, starts, heads)


@compiled
def _find_starts(raw: Bytes, starts: _Places) -> int:
    """Fills `starts` and returns how many; the last may be no batch, but its head is there."""
    at, count = 0, 0
    while at + HEAD_BYTES <= len(raw):
        length = 0
        for byte in raw[at + _LENGTH_AT : at + _LENGTH_FROM]:
            length = length << 8 | int(byte)
        if at + _LENGTH_FROM + length > len(raw):
            break
        starts[count] = at
        count += 1
        if length < HEAD_BYTES - _LENGTH_FROM:
            break
        at += _LENGTH_FROM + length
    return count
