"""A batch is full by its messages or by its bytes, whichever comes first."""

import pytest

from sinks.taken import Taken
from sinks.topic_sink import Batch, Limits
from tests.storing import taken_of


def messages(count: int, partition: int = 0) -> Taken:
    """Of 84 bytes each, on Kafka."""
    return taken_of(*[b"x" * 77] * count, partition=partition)


def test_an_empty_batch_takes_a_piece_of_what_it_may_have() -> None:
    assert Batch[str]().room(Limits(messages=50, seconds=1)) == 50
    assert Batch[str]().room(Limits(messages=1_000_000, seconds=1)) == 20_000


@pytest.mark.parametrize(("taken", "room"), [(0, 10), (9, 1), (10, 0), (11, 0)])
def test_no_more_messages_than_it_may_have(taken: int, room: int) -> None:
    batch = Batch[str]()
    batch.add("piece", messages(taken))
    assert batch.room(Limits(messages=10, seconds=1)) == room


def test_no_more_bytes_than_it_may_have() -> None:
    batch, limits = Batch[str](), Limits(messages=1000, seconds=1, bytes=1000)
    batch.add("piece", messages(9))
    assert batch.room(limits) == 991
    batch.add("piece", messages(1))
    assert batch.room(limits) == 0


def test_of_each_partition_the_last_offset_is_committed() -> None:
    batch = Batch[str]()
    batch.add("one", messages(3, partition=1))
    batch.add("two", messages(2, partition=0))
    batch.add("three", messages(5, partition=1))
    assert batch.ends == {0: 1, 1: 4}
    assert batch.pieces == ["one", "two", "three"]
