"""Chunks hold what aiokafka's own reading of the same bytes gives, and leave the position where it does."""

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.structs import TopicPartition
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks.batch import FetchedRecords
from streams.chunks.chunk import MOST_RECORDS, ChunkedResults, chunks_of
from tests.chunks import READS, batch_bytes, chunk_of

_CONTROL, _TRANSACTIONAL = 0x20, 0x10


@dataclass(frozen=True)
class Piece:
    """A batch of a log: of a plain producer, of a transaction, or the marker that ends one."""

    kind: str
    producer: int
    records: int
    removed: frozenset[int]  # by compaction, by their place in the batch


PIECES = st.builds(
    Piece,
    st.sampled_from(["plain", "transactional", "commit", "abort"]),
    st.integers(1, 2),
    st.integers(1, 5),
    st.frozensets(st.integers(0, 4)),
)


def batch(piece: Piece, base_offset: int) -> tuple[bytes, int]:
    """As the broker keeps it, with the offset behind it."""
    if piece.kind in ("commit", "abort"):
        marker = struct.pack(">hh", 0, piece.kind == "commit")
        return _marked(batch_bytes([(marker, b"\0" * 6)], base_offset), piece.producer, _CONTROL | _TRANSACTIONAL), 1
    messages = [(b"k%d" % number, b"v%d" % (base_offset + number)) for number in range(piece.records)]
    raw = batch_bytes(messages, base_offset, removed=piece.removed)
    return _marked(raw, piece.producer, _TRANSACTIONAL if piece.kind == "transactional" else 0), piece.records


def _marked(raw: bytes, producer_id: int, attributes: int) -> bytes:
    """With producer and attributes in the batch's header, and its checksum made right."""
    body = struct.pack(">h", attributes) + raw[23:43] + struct.pack(">q", producer_id) + raw[51:]
    return raw[:17] + struct.pack(">I", crc32c(body)) + body


def log_of(pieces: list[Piece]) -> tuple[bytes, list[tuple[int, int]], int]:
    """The bytes, the aborted transactions (producer, first offset) as a broker names them, and the end."""
    raw, end, aborted, open_ = b"", 0, [], dict[int, int]()
    for piece in pieces:
        made, count = batch(piece, end)
        if piece.kind == "transactional":
            open_.setdefault(piece.producer, end)
        elif piece.kind in ("commit", "abort"):
            first = open_.pop(piece.producer, None)
            if piece.kind == "abort" and first is not None:
                aborted.append((piece.producer, first))
        raw, end = raw + made, end + count
    return raw, aborted, end


def fetched(raw: bytes, aborted: list[tuple[int, int]], offset: int, isolation: int) -> PartitionRecords:
    return PartitionRecords(
        TopicPartition(*READS), FetchedRecords(raw), list(aborted), offset, None, None, True, isolation
    )


@given(pieces=st.lists(PIECES, min_size=1, max_size=12), at=st.integers(0, 4), committed=st.booleans())
def test_chunks_hold_what_aiokafka_reads_and_end_where_it_does(pieces: list[Piece], at: int, committed: bool) -> None:
    raw, aborted, end = log_of(pieces)
    start = min(at, pieces[0].records - 1 if pieces[0].kind in ("plain", "transactional") else 0)
    isolation = READ_COMMITTED if committed else READ_UNCOMMITTED
    stock, ours = (fetched(raw, aborted, start, isolation) for _ in range(2))
    expected = [(record.offset, record.key, record.value) for record in stock]
    chunks = list(chunks_of(ours))
    assert [(record.offset, record.key, record.value) for chunk in chunks for record in chunk] == expected
    assert ours.next_fetch_offset == stock.next_fetch_offset == end
    assert [chunk.first_offset for chunk in chunks] == [start, *[chunk.last_offset + 1 for chunk in chunks[:-1]]]
    assert chunks[-1].last_offset == end - 1


def test_a_fetch_of_many_records_is_several_chunks_and_the_position_is_behind_each() -> None:
    messages = [(None, b"x")] * 36_000
    raw = b"".join(batch_bytes(messages, base) for base in (0, 36_000, 72_000))
    records = fetched(raw, [], 0, READ_COMMITTED)
    given_ = []
    for chunk in chunks_of(records):
        given_.append((chunk.first_offset, chunk.last_offset, records.next_fetch_offset))
        assert sum(1 for _ in chunk) <= MOST_RECORDS + 36_000
    assert given_ == [(0, 71_999, 72_000), (72_000, 107_999, 108_000)]


def test_a_wrong_checksum_ends_the_fetch_before_it_and_fails_the_next() -> None:
    good, bad = batch_bytes([(None, b"good")], 0), bytearray(batch_bytes([(None, b"bad")], 1))
    bad[-2] ^= 1
    records = fetched(good + bytes(bad), [], 0, READ_COMMITTED)
    [chunk] = chunks_of(records)
    assert ([record.value for record in chunk], records.next_fetch_offset) == ([b"good"], 1)
    with pytest.raises(CorruptRecordException, match=r"reads\[0\]"):
        list(chunks_of(fetched(bytes(bad), [], 1, READ_COMMITTED)))


def test_slices_hold_all_in_order() -> None:
    slices = list(chunk_of([b"%d" % number for number in range(5000)], first_offset=30).slices(size=2048))
    assert [len(part) for part in slices] == [2000, 2000, 1000]
    assert [record.offset for part in slices for record in part] == list(range(30, 5030))


def test_results_of_aiokafka_give_chunks() -> None:
    results = ChunkedResults()
    results[READS] = _result(READS)
    [chunk] = results[READS]._partition_records
    assert [record.value for record in chunk] == [b"x"]


def _result(tp: TP) -> Any:
    records = fetched(batch_bytes([(None, b"x")]), [], 0, READ_COMMITTED)
    return FetchResult(tp, assignment=None, partition_records=records, backoff=0)
