"""A chunk: what one fetch of aiokafka's brought of one partition, handed on as one thing.

An object a record costs a hundred times as much as to look at the record. A chunk holds the log's record batches as
they were fetched; they are unpacked only as it is read, some batches at a time. To Faust it is one message, under the
offset of its last record.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka import TopicPartition, conn
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from numpy.typing import NDArray

from streams.chunks.batch import CONTROL, TRANSACTIONAL, Batches, FetchedRecords, batches_in
from streams.chunks.records import Record, Records, unpack
from streams.chunks.signatures import FETCHING, check_signatures

_READ_AHEAD_BYTES = 4 * 1024 * 1024  # of an answer: aiokafka stops and starts its socket each 128 KiB otherwise
MOST_RECORDS = 32_768  # a chunk takes no further batch past this
SLICE_RECORDS = 8_192  # so many are handled before others on the event loop have their turn

check_signatures(FETCHING)
fetcher.MemoryRecords = FetchedRecords
conn.READER_LIMIT = _READ_AHEAD_BYTES


@dataclass(frozen=True, eq=False)
class Chunk:
    """The usable records of one partition from `first_offset` to `last_offset`, in order.

    Control records, aborted ones and gaps are out; it may be empty, and then only says that there is nothing to read
    up to `last_offset`.
    """

    tp: TopicPartition
    first_offset: int
    last_offset: int
    batches: Batches

    def __iter__(self) -> Iterator[Record]:
        for records in self.slices():
            yield from records

    def slices(self, size: int = SLICE_RECORDS) -> Iterator[Records]:
        """All records, at most `size` at a time. Raises CorruptRecordException when a batch is damaged."""
        for batches in self.batches.portions(size):
            records = unpack(batches)
            if batches.heads["base_offset"][0] < self.first_offset:  # fetches begin with whole batches
                records = records.since(self.first_offset)
            for start in range(0, len(records), size):
                yield records.part(start, start + size)


def give_chunks(consumer: Any, first: frozenset[str] = frozenset()) -> None:
    """Make an aiokafka consumer, that is started and has not fetched yet, give chunks; `first` as ChunkedResults."""
    consumer._fetcher._records = ChunkedResults(first)


class ChunkedResults(OrderedDict[TopicPartition, Any]):
    """aiokafka's fetched results, by partition, made to give chunks instead of records.

    Partitions of `first` are read before others: a table's updates before reads that were fetched with them.
    """

    def __init__(self, first: frozenset[str]) -> None:
        super().__init__()
        self._first = first

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        if isinstance(result, FetchResult):
            records = result._partition_records
            records._records_iterator = chunks_of(records)
        super().__setitem__(tp, result)
        if tp.topic in self._first:
            self.move_to_end(tp, last=False)


def chunks_of(fetched: PartitionRecords) -> Iterator[Chunk]:
    """What PartitionRecords._unpack_records does, batch by batch. Leaves `next_fetch_offset` behind each chunk.

    Ends before a batch whose checksum is wrong; raises CorruptRecordException when it is the first (the next fetch).
    """
    found = batches_in(fetched._records.raw)
    batches = found.sound() if fetched._check_crcs else found
    if len(found) and not len(batches):
        raise CorruptRecordException(f"{fetched._tp.topic}[{fetched._tp.partition}]: a checksum is wrong.")
    are_usable = _are_usable(fetched, batches)
    counts = np.where(are_usable, batches.heads["records"], 0).cumsum()
    next_offsets = batches.next_offsets
    start = counted = 0
    while start < len(batches):
        stop = min(int(np.searchsorted(counts, counted + MOST_RECORDS)) + 1, len(batches))
        some = batches.part(slice(start, stop)).part(are_usable[start:stop])
        first, fetched.next_fetch_offset = fetched.next_fetch_offset, int(next_offsets[stop - 1])
        yield Chunk(fetched._tp, first, fetched.next_fetch_offset - 1, some)
        start, counted = stop, int(counts[stop - 1])


def _are_usable(fetched: PartitionRecords, batches: Batches) -> NDArray[np.bool_]:
    """Which are neither control batches nor of an aborted transaction."""
    heads = batches.heads
    are_control = (heads["attributes"] & CONTROL) != 0
    are_usable: NDArray[np.bool_] = ~are_control
    if fetched._isolation_level != READ_COMMITTED:
        return are_usable
    for number in np.flatnonzero(are_control | (heads["attributes"] & TRANSACTIONAL != 0)).tolist():
        producer = int(heads["producer_id"][number])
        fetched._consume_aborted_up_to(int(heads["base_offset"][number]))
        marker = batches.part(slice(number, number + 1))
        if are_control[number] and fetched._contains_abort_marker(iter(unpack(marker))):
            fetched._aborted_producers.discard(producer)
        are_usable[number] &= producer not in fetched._aborted_producers
    return are_usable
