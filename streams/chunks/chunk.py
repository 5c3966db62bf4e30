"""A chunk: what one fetch brought of one partition, handed on as one thing.

An object a record costs a hundred times as much as to look at the record. A chunk holds the log's record batches as
they were fetched; they are unpacked only as it is read, some batches at a time. To Faust it is one message, under the
offset of its last record.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition, conn
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException

from streams.chunks.batch import (
    ATTRIBUTES,
    CONTROL,
    COUNT,
    FIRST_OFFSET,
    NEXT_OFFSET,
    PRODUCER,
    TRANSACTIONAL,
    Batches,
    FetchedRecords,
    batches_in,
    is_sound,
)
from streams.chunks.records import Record, Records, unpack
from streams.chunks.signatures import FETCHING, check_signatures

_READ_AHEAD_BYTES = 4 * 1024 * 1024  # of an answer: aiokafka stops and starts its socket each 128 KiB otherwise
MOST_RECORDS = 65_536  # a chunk takes no further batch past this
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
            if batches.heads[0, FIRST_OFFSET] < self.first_offset:  # fetches begin with whole batches
                records = records.since(self.first_offset)
            for start in range(0, len(records), size):
                yield records.part(start, start + size)


def give_chunks(consumer: Any) -> None:
    """Make an aiokafka consumer, that is started and has not fetched yet, give chunks."""
    consumer._fetcher._records = ChunkedResults()


class ChunkedResults(OrderedDict[TopicPartition, Any]):
    """aiokafka's fetched results, by partition, made to give chunks instead of records."""

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        if isinstance(result, FetchResult):
            records = result._partition_records
            records._records_iterator = chunks_of(records)
        super().__setitem__(tp, result)


def chunks_of(fetched: PartitionRecords) -> Iterator[Chunk]:
    """What PartitionRecords._unpack_records does, batch by batch. Leaves `next_fetch_offset` behind each chunk.

    Ends before a batch whose checksum is wrong; raises CorruptRecordException when it is the first (the next fetch).
    """
    raw: bytes = fetched._records.raw
    batches = batches_in(raw)
    start = first = fetched.next_fetch_offset
    count, usable = 0, list[int]()
    for number, head in enumerate(batches.heads.tolist()):
        if fetched._check_crcs and not is_sound(raw, head):
            if fetched.next_fetch_offset > start:
                break
            raise CorruptRecordException(f"{fetched._tp.topic}[{fetched._tp.partition}]: a checksum is wrong.")
        if not head[ATTRIBUTES] & (TRANSACTIONAL | CONTROL) or _is_usable(fetched, head, batches.those([number])):
            usable.append(number)
            count += head[COUNT]
        fetched.next_fetch_offset = head[NEXT_OFFSET]
        if count >= MOST_RECORDS:
            yield _chunk(fetched, first, batches.those(usable))
            first, count, usable = fetched.next_fetch_offset, 0, []
    if fetched.next_fetch_offset > first:
        yield _chunk(fetched, first, batches.those(usable))


def _chunk(fetched: PartitionRecords, first: int, batches: Batches) -> Chunk:
    return Chunk(fetched._tp, first, fetched.next_fetch_offset - 1, batches)


def _is_usable(fetched: PartitionRecords, head: list[int], batch: Batches) -> bool:
    """Neither a control batch nor one of an aborted transaction. `head` is the only row of `batch`."""
    is_control, producer = head[ATTRIBUTES] & CONTROL, head[PRODUCER]
    if fetched._isolation_level == READ_COMMITTED:
        fetched._consume_aborted_up_to(head[FIRST_OFFSET])
        if is_control and fetched._contains_abort_marker(iter(unpack(batch))):
            fetched._aborted_producers.discard(producer)
        if head[ATTRIBUTES] & TRANSACTIONAL and producer in fetched._aborted_producers:
            return False
    return not is_control
