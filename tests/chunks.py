"""Chunks as a fetch would give them, made of real record batches."""

import struct
from collections.abc import Collection, Iterable, Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.types import TP

from streams.chunks.batch import batches_in
from streams.chunks.chunk import Chunk
from streams.chunks.records import Records, unpack

READS = TP("reads", 0)

KeyAndValue = tuple[bytes | None, bytes | None]


def batch_bytes(
    messages: Sequence[KeyAndValue], base_offset: int = 0, *, removed: Collection[int] = frozenset()
) -> bytes:
    """A record batch as the broker keeps it; compaction has removed those at the places `removed`, not the last."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000_000)
    for number, (key, value) in enumerate(messages):
        if number not in removed or number == len(messages) - 1:
            assert builder.append(number, 1_750_000_000_000 + number, key, value, [])
    return struct.pack(">q", base_offset) + bytes(builder.build())[8:]  # the checksum leaves the offset out


def chunk_of(values: Iterable[bytes | None], *, first_offset: int = 0, batch_size: int = 1000, tp: TP = READS) -> Chunk:
    """Messages without keys from `first_offset` on, in batches."""
    messages: list[KeyAndValue] = [(None, value) for value in values]
    raw = b"".join(
        batch_bytes(messages[start : start + batch_size], first_offset + start)
        for start in range(0, len(messages), batch_size)
    )
    return Chunk(tp, first_offset, first_offset + len(messages) - 1, batches_in(raw))


def records_of(messages: Sequence[KeyAndValue]) -> Records:
    """Keys and values as records from offset 0 on."""
    return unpack(batches_in(batch_bytes(messages) if messages else b""))


def records_with(values: Iterable[bytes | None]) -> Records:
    """The same without keys."""
    return records_of([(None, value) for value in values])
