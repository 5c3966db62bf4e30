"""What is packed and unpacked here is what aiokafka packs and unpacks."""

import io

import pytest
from aiokafka.errors import KafkaConnectionError, UnknownError
from aiokafka.protocol.api import ResponseHeader_v0
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks.wire import Fetched, Gathering, fetch_request, fetched_in

PARTITIONS = st.builds(TopicPartition, st.sampled_from(["reads", "entries", "ä"]), st.integers(0, 100))
OFFSETS = st.integers(0, 2**62)
ABORTED = st.lists(st.tuples(OFFSETS, OFFSETS), max_size=3)
ANSWERS = st.dictionaries(
    PARTITIONS, st.tuples(st.integers(-1, 100), OFFSETS, st.none() | ABORTED, st.none() | st.binary(max_size=100))
)


@given(st.dictionaries(PARTITIONS, OFFSETS, min_size=1), st.integers(0, 1_000_000), st.integers(0, 30_000))
def test_a_request_is_packed_as_aiokafka_packs_it(
    offsets: dict[TopicPartition, int], least_bytes: int, longest_milliseconds: int
) -> None:
    topics = dict.fromkeys(tp.topic for tp in offsets)
    stock = FetchRequest(
        longest_milliseconds,
        least_bytes,
        50 * 1024 * 1024,
        1,
        [(topic, [(tp.partition, at, 777) for tp, at in offsets.items() if tp.topic == topic]) for topic in topics],
    ).build(FetchRequest_v11)
    expected = stock.build_request_header(correlation_id=5, client_id="").encode() + stock.encode()
    gathering = Gathering(
        least_bytes=least_bytes, longest_milliseconds=longest_milliseconds, most_bytes_of_a_partition=777
    )
    assert fetch_request(5, offsets, gathering) == expected


def answer_of(found: dict[TopicPartition, tuple[int, int, list[tuple[int, int]] | None, bytes | None]]) -> memoryview:
    """As a broker sends it, number 5."""
    topics = [
        (tp.topic, [(tp.partition, code, end, end, 0, aborted, -1, raw)])
        for tp, (code, end, aborted, raw) in found.items()
    ]
    return memoryview(b"\0\0\0\5" + FetchResponse_v11(0, 0, 0, topics).encode())


@given(ANSWERS)
def test_an_answer_is_unpacked_as_aiokafka_unpacks_it(
    found: dict[TopicPartition, tuple[int, int, list[tuple[int, int]] | None, bytes | None]],
) -> None:
    answer = answer_of(found)
    stream = io.BytesIO(answer)
    assert ResponseHeader_v0.decode(stream).correlation_id == 5
    expected = [
        Fetched(TopicPartition(topic, partition), code, end, aborted or [], raw or b"")
        for topic, partitions in FetchResponse_v11.decode(stream).topics
        for partition, code, end, _, _, aborted, _, raw in partitions
    ]
    assert list(fetched_in(answer, 5)) == expected


def test_an_answer_of_another_request_and_one_that_refuses_all_are_errors() -> None:
    with pytest.raises(KafkaConnectionError, match="another request"):
        list(fetched_in(answer_of({}), 6))
    with pytest.raises(UnknownError):
        list(fetched_in(memoryview(b"\0\0\0\5" + FetchResponse_v11(0, -1, 0, []).encode()), 5))
