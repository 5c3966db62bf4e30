"""What an intake takes of a topic: the records of a stretch of one partition, and a message where one is wanted."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from streams.chunks.chunk import Chunk
from streams.chunks.records import END, OFFSET, START, Record, Records, records_of_values


class Message(NamedTuple):
    """One message and where it was."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    def __repr__(self) -> str:
        """Without what it holds."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, eq=False)
class Taken(Sequence[Message]):
    """The messages of one partition up to `last_offset`, in order; control records and aborted ones are out.

    `waiting` is how many were behind them when they were fetched.
    """

    topic: str
    partition: int
    records: Records
    last_offset: int
    waiting: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Message]:
        return map(self._message, self.records)

    def __getitem__(self, number: int) -> Message:  # type: ignore[override]  # parts are asked for by name
        return self._message(self.records[number])

    @property
    def bytes(self) -> int:
        """Size of the records on Kafka."""
        places = self.records.places
        return int((places[:, END] - places[:, START]).sum())

    def at(self, offset: int) -> Message:
        """The message with this offset, which is one of them."""
        return self[int(np.searchsorted(self.records.places[:, OFFSET], offset))]

    def split(self, most: int) -> "tuple[Taken, Taken | None]":
        """The first `most` messages, and the rest if there are more."""
        if len(self) <= most:
            return self, None
        records, rest = self.records.part(0, most), self.records.part(most)
        last_offset, waiting = int(records.places[-1, OFFSET]), self.waiting + len(rest)
        first = replace(self, records=records, last_offset=last_offset, waiting=waiting)
        return first, replace(self, records=rest)

    def _message(self, record: Record) -> Message:
        return Message(self.topic, self.partition, record.offset, record.key, record.value)


def taken_of(chunk: Chunk, waiting: int) -> Taken:
    """All of a chunk. Raises CorruptRecordException when a batch is damaged."""
    records = next(chunk.slices(sys.maxsize), records_of_values([]))
    return Taken(chunk.tp.topic, chunk.tp.partition, records, chunk.last_offset, waiting)
