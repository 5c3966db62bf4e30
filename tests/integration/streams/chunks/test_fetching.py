"""Fetches by a connection of our own, from the real broker."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OffsetOutOfRangeError
from confluent_kafka.admin import NewTopic
from faust.types import TP

from platestream.settings import KafkaSettings
from streams.chunks import connection, wire
from streams.chunks.fetching import Fetching
from streams.chunks.places import Places
from streams.chunks.wire import Gathering
from streams.clients import admin, producer
from streams.topics import create

PATIENCE_SECONDS = 30
GATHERING = Gathering(least_bytes=1, longest_milliseconds=50, most_bytes_of_a_partition=4 * 1024 * 1024)


@dataclass
class Fetched:
    """What fetches, and what it fetched."""

    topic: str
    client: AIOKafkaClient
    places: Places
    ends: dict[TP, int]

    async def take(self, count: int) -> dict[int, list[tuple[int, bytes]]]:
        """Offsets and values by partition, of the next so many records or more."""
        found = defaultdict[int, list[tuple[int, bytes]]](list)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(map(len, found.values())) < count:
                await asyncio.sleep(0.01)
                for tp, chunks in self.places.take({TP(self.topic, number) for number in range(2)}, 2).items():
                    found[tp.partition] += [(record.offset, record.value) for chunk in chunks for record in chunk]
        return found

    def connections(self) -> list[Any]:
        return [opened for (_, group), opened in self.client._conns.items() if group == connection._GROUP]


@asynccontextmanager
async def fetching(kafka: KafkaSettings, topic: str, gathering: Gathering = GATHERING) -> AsyncIterator[Fetched]:
    client, places, ends = AIOKafkaClient(bootstrap_servers=kafka.bootstrap_servers), Places(), dict[TP, int]()
    await client.bootstrap()

    def note(fetched: wire.Fetched, _: int) -> None:
        ends[fetched.tp] = fetched.end

    filling = asyncio.create_task(Fetching(client, gathering, note).fill(places))
    try:
        yield Fetched(topic, client, places, ends)
    finally:
        filling.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.close()


@pytest.fixture
def topic(kafka: KafkaSettings) -> str:
    name = f"fetching-{os.urandom(4).hex()}"
    create(admin(kafka), [NewTopic(name, 2, 1)])
    return name


def send(kafka: KafkaSettings, topic: str, values: list[bytes]) -> None:
    """Each to the partition of its number, odd or even."""
    sending = producer(kafka)
    for number, value in enumerate(values):
        sending.produce(topic, value, partition=number % 2)
    sending.flush(PATIENCE_SECONDS)


async def test_all_is_fetched_in_order_also_by_answers_larger_than_the_first_buffer(
    kafka: KafkaSettings, topic: str
) -> None:
    values = [b"%d" % number + os.urandom(10_000) for number in range(1500)]  # 15 MB
    send(kafka, topic, values)
    async with fetching(kafka, topic) as fetched:
        fetched.places.seek({TP(topic, 0): 0, TP(topic, 1): 0})
        found = await fetched.take(len(values))
        assert found == {number: list(enumerate(values[number::2])) for number in range(2)}
        send(kafka, topic, [b"later"])
        assert await fetched.take(1) == {0: [(750, b"later")]}
        assert fetched.ends[TP(topic, 0)] == 751
        fetched.places.seek({TP(topic, 1): 748})
        assert [offset for offset, _ in (await fetched.take(2))[1]] == [748, 749]


async def test_a_broken_connection_loses_and_repeats_nothing(kafka: KafkaSettings, topic: str) -> None:
    async with fetching(kafka, topic) as fetched:
        fetched.places.seek({TP(topic, 0): 0, TP(topic, 1): 0})
        for turn in range(5):
            send(kafka, topic, [b"%d" % turn] * 2)
            assert await fetched.take(2) == {number: [(turn, b"%d" % turn)] for number in range(2)}
            [opened] = [opened for opened in fetched.connections() if opened.connected()]
            opened._writer.transport.abort()


async def test_an_offset_that_the_log_does_not_hold_is_a_fault_of_its_partition_alone(
    kafka: KafkaSettings, topic: str
) -> None:
    send(kafka, topic, [b"even", b"odd"])
    async with fetching(kafka, topic) as fetched:
        fetched.places.seek({TP(topic, 0): 1000, TP(topic, 1): 0})
        assert await fetched.take(1) == {1: [(0, b"odd")]}
        with pytest.raises(OffsetOutOfRangeError) as raised:
            await fetched.take(1)
        assert raised.value.args[0] == {TP(topic, 0): 1000}
        fetched.places.seek({TP(topic, 0): 0})
        assert await fetched.take(1) == {0: [(0, b"even")]}


async def test_a_partition_without_a_leader_is_fetched_when_it_has_one(kafka: KafkaSettings, topic: str) -> None:
    async with fetching(kafka, f"{topic}-late") as fetched:
        fetched.places.seek({TP(fetched.topic, 0): 0})
        await asyncio.sleep(0.5)
        create(admin(kafka), [NewTopic(fetched.topic, 2, 1)])
        send(kafka, fetched.topic, [b"first"])
        assert await fetched.take(1) == {0: [(0, b"first")]}


async def test_a_broker_that_does_not_answer_is_asked_again(
    kafka: KafkaSettings, topic: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "_ANSWER_SECONDS", 0.3)
    async with fetching(kafka, topic, replace(GATHERING, longest_milliseconds=5_000)) as fetched:
        fetched.places.seek({TP(topic, 0): 0})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "does not answer: RequestTimedOutError" not in caplog.text:
                await asyncio.sleep(0.05)
        send(kafka, topic, [b"first"])
        assert await fetched.take(1) == {0: [(0, b"first")]}
