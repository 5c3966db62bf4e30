"""Two brokers, played: leaders change while answers are on their way, and nothing is lost or comes twice."""

import asyncio
import io
import random
import struct
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException, KafkaConnectionError, NotLeaderForPartitionError
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from faust.types import TP

from streams.chunks import fetching as module
from streams.chunks.fetching import Fetching
from streams.chunks.places import Places
from streams.chunks.wire import Gathering
from tests.chunks import batch_bytes

PARTITIONS = [TP("reads", number) for number in range(3)]
BATCHES, IN_A_BATCH = 40, 5
GATHERING = Gathering(least_bytes=1, longest_milliseconds=1, most_bytes_of_a_partition=500)
_HEAD_BYTES = 10
SECONDS = 30


class Cluster:
    """The log of each partition, and which of two nodes leads it."""

    def __init__(self) -> None:
        self.leaders = dict.fromkeys(PARTITIONS, 0)
        self.logs = {tp: [self._batch(tp, number * IN_A_BATCH) for number in range(BATCHES)] for tp in PARTITIONS}
        self.refused = 0

    def _batch(self, tp: TP, offset: int) -> bytes:
        return batch_bytes([(None, b"%d %d" % (tp.partition, offset + number)) for number in range(IN_A_BATCH)], offset)

    def client(self) -> Any:
        """What Fetching sees of an aiokafka client."""
        cluster = SimpleNamespace(leader_for_partition=self.leaders.get)
        return SimpleNamespace(cluster=cluster, force_metadata_update=lambda: None, add_topic=lambda _: None)

    async def connect(self, _client: Any, node: int) -> Any:
        return Node(self, node)


class Node:
    """Answers what it leads, late, and sometimes not at all."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self._cluster = cluster
        self._number = number

    async def ask(self, request: bytes) -> memoryview:
        stream = io.BytesIO(request)
        head = stream.read(_HEAD_BYTES)
        asked = FetchRequest_v11.SCHEMA.decode(stream)[7]
        await asyncio.sleep(random.random() / 400)
        topics = [(topic, [self._answer(TP(topic, at[0]), at[2]) for at in places]) for topic, places in asked]
        await asyncio.sleep(random.random() / 400)
        if random.random() < 0.05:
            raise KafkaConnectionError("gone")
        return memoryview(head[4:8] + FetchResponse_v11(0, 0, 0, topics).encode())

    def _answer(self, tp: TP, offset: int) -> tuple[Any, ...]:
        if self._cluster.leaders[tp] != self._number:
            self._cluster.refused += 1
            return tp.partition, NotLeaderForPartitionError.errno, -1, -1, -1, [], -1, None
        first = offset // IN_A_BATCH
        raw = b"".join(self._cluster.logs[tp][first : first + random.randint(1, 3)])
        return tp.partition, 0, BATCHES * IN_A_BATCH, BATCHES * IN_A_BATCH, 0, [], -1, raw

    def close(self) -> None: ...


async def fetched(cluster: Cluster, meanwhile: Callable[[], None], seeks: dict[TP, int]) -> dict[TP, list[bytes]]:
    """The values of each partition, to the end of its log."""
    places = Places()
    filling = asyncio.create_task(Fetching(cluster.client(), GATHERING, lambda *_: None).fill(places))
    places.seek(seeks)
    found = defaultdict[TP, list[bytes]](list)
    wanted = sum(BATCHES * IN_A_BATCH - offset for offset in seeks.values())
    try:
        async with asyncio.timeout(SECONDS):
            while sum(map(len, found.values())) < wanted:
                for tp, chunks in places.take(seeks, 2).items():
                    found[tp] += [record.value for chunk in chunks for record in chunk]
                meanwhile()
                await asyncio.sleep(0.001)
    finally:
        filling.cancel()
    return found


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(module, "connect", made.connect)
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.002)
    monkeypatch.setattr(module, "_LEADERS_SECONDS", 0.002)
    return made


def values(tp: TP, offset: int) -> list[bytes]:
    return [b"%d %d" % (tp.partition, number) for number in range(offset, BATCHES * IN_A_BATCH)]


async def test_nothing_is_lost_or_doubled_while_leaders_change(cluster: Cluster) -> None:
    def change() -> None:
        if random.random() < 0.3:
            cluster.leaders[random.choice(PARTITIONS)] ^= 1

    seeks = {tp: 7 * tp.partition for tp in PARTITIONS}
    assert await fetched(cluster, change, seeks) == {tp: values(tp, offset) for tp, offset in seeks.items()}
    assert cluster.refused


async def test_a_partition_without_a_leader_waits_and_the_others_do_not(cluster: Cluster) -> None:
    cluster.leaders[PARTITIONS[0]] = -1

    def elect() -> None:
        if random.random() < 0.02:
            cluster.leaders[PARTITIONS[0]] = 1

    assert await fetched(cluster, elect, dict.fromkeys(PARTITIONS, 0)) == {tp: values(tp, 0) for tp in PARTITIONS}


async def test_a_damaged_batch_is_a_fault_after_all_before_it(cluster: Cluster) -> None:
    tp = PARTITIONS[0]
    cluster.logs[tp][4] = cluster.logs[tp][4][:-2] + struct.pack(">H", 12_345)
    with pytest.raises(CorruptRecordException, match=r"reads\[0\]"):
        await fetched(cluster, lambda: None, {tp: 0})
