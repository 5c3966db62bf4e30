"""Records are what aiokafka reads in the same bytes, whatever packs them; bytes that are none are refused."""

import struct
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks.batch import FIRST_OFFSET, HEAD_BYTES, batches_in
from streams.chunks.records import Records, unpack

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
MESSAGES = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=200),
        st.none() | st.binary(max_size=200),
        st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=2),
        st.integers(-1_000_000, 1_000_000),
    ),
    min_size=1,
    max_size=20,
)
Message = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]


def batch_of(messages: list[Message], codec: str = "none", base: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 100_000_000)
    for number, (key, value, headers, time) in enumerate(messages):
        assert builder.append(number, 1_750_000_000_000 + time, key, value, headers)
    return struct.pack(">q", base) + bytes(builder.build())[8:]


def told(records: Any) -> list[tuple[int, int, bytes | None, bytes | None]]:
    return [(record.offset, record.timestamp, record.key, record.value) for record in records]


@given(logs=st.lists(st.tuples(MESSAGES, st.sampled_from([*CODECS])), min_size=1, max_size=4))
def test_records_are_what_aiokafka_reads(logs: list[tuple[list[Message], str]]) -> None:
    raw, expected, base = b"", [], 7
    for messages, codec in logs:
        one = batch_of(messages, codec, base)
        raw, base = raw + one, base + len(messages)
        expected += told(DefaultRecordBatch(one))
    records = unpack(batches_in(raw))
    assert told(records) == told(records[number] for number in range(len(records))) == expected
    middle = len(expected) // 2
    assert told(records.part(1, middle)) == expected[1:middle]
    assert told(records.since(expected[middle][0])) == expected[middle:]


def test_a_batch_that_is_stamped_by_the_broker_has_one_time() -> None:
    raw = bytearray(batch_of([(None, b"a", [], 5), (None, b"b", [], 9)]))
    raw[22] |= 0x08
    assert [time for _, time, _, _ in told(unpack(batches_in(bytes(raw))))] == [1_750_000_000_009] * 2


def test_a_batch_that_the_fetch_cuts_is_left_for_the_next() -> None:
    one, two = batch_of([(None, b"a", [], 0)], base=0), batch_of([(None, b"b", [], 0)], base=1)
    for cut in range(1, len(two)):
        assert batches_in((one + two)[:-cut]).heads[:, FIRST_OFFSET].tolist() == [0]


def test_a_log_of_before_version_2_is_refused() -> None:
    raw = bytearray(batch_of([(None, b"a", [], 0)]))
    raw[16] = 1
    with pytest.raises(CorruptRecordException, match="not of format 2"):
        batches_in(bytes(raw))


@given(messages=MESSAGES, changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
def test_bytes_that_are_no_records_are_refused_or_stay_within_the_batch(
    messages: list[Message], changes: list[tuple[int, int]]
) -> None:
    raw = bytearray(batch_of(messages))
    for place, byte in changes:
        raw[61 + place % (len(raw) - 61)] = byte
    try:
        records = unpack(batches_in(bytes(raw)))
    except CorruptRecordException:
        return
    assert len(records) == len(messages)
    assert all(part is None or part in records.content for _, _, *parts in told(records) for part in parts)


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_what_cannot_be_uncompressed_is_refused(codec: str) -> None:
    raw = bytearray(batch_of([(None, b"a" * 100, [], 0)], codec))
    raw[HEAD_BYTES:] = b"\xff" * len(raw[HEAD_BYTES:])
    with pytest.raises(CorruptRecordException, match="offset 0"):
        unpack(batches_in(bytes(raw)))


@pytest.mark.parametrize("codec", CODECS)
def test_batches_that_follow_each_other_in_one_codec_are_told_apart(codec: str) -> None:
    logs = [batch_of([(None, b"%d" % base * 40, [], base)] * 3, codec, base) for base in range(0, 300, 3)]
    expected = [one for log in logs for one in told(DefaultRecordBatch(log))]
    assert told(unpack(batches_in(b"".join(logs)))) == expected


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_head_with_a_wrong_count_is_refused(codec: str, wrong: int) -> None:
    logs = [bytearray(batch_of([(None, b"a" * 40, [], 0)] * 3, codec, base)) for base in (0, 3)]
    logs[1][HEAD_BYTES - 1] += wrong
    with pytest.raises(CorruptRecordException, match="offset 0 on is not what its head says"):
        unpack(batches_in(b"".join(logs)))


def test_no_batches_are_no_records() -> None:
    records = unpack(batches_in(b""))
    assert (len(records), [*records]) == (0, [])
    assert isinstance(records, Records)
