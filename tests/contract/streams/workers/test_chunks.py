"""What an agent is handed in chunks, and what is committed, on the real broker."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import faust
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from platestream.settings import KafkaSettings
from streams.clients import admin, consumer, producer
from streams.topics import create
from streams.workers.app import faust_app
from streams.workers.topic import raw_topic

PATIENCE_SECONDS = 60


class Place:
    """A topic and a group of one's own."""

    def __init__(self, kafka: KafkaSettings, home: Path) -> None:
        self.kafka, self.home, self.name = kafka, home, f"chunks-{os.urandom(4).hex()}"
        self.client: AdminClient = admin(kafka)
        self.handed_out: list[tuple[int, int, bytes]] = []  # partition, offset, value of each record, as it came

    def create(self, partitions: int, **config: str) -> None:
        create(self.client, [NewTopic(self.name, partitions, 1, config=config)])

    def producer(self, **options: Any) -> Producer:
        return producer(self.kafka, **options)

    def values(self) -> list[bytes]:
        return [value for _, _, value in self.handed_out]

    @asynccontextmanager
    async def reading(self, name: str = "one", may_go_on: asyncio.Event | None = None) -> AsyncIterator[faust.App]:
        """An app whose agent notes what it is handed, and is done with that when it may go on."""
        app = faust_app(self.kafka, self.name, session_timeout_seconds=6, datadir=self.home / name)

        async def note(stream: Any) -> None:
            async for chunk in stream:
                self.handed_out += [(chunk.tp.partition, record.offset, record.value) for record in chunk]
                if may_go_on:
                    await may_go_on.wait()

        app.agent(raw_topic(app, self.name), name="note")(note)
        running = asyncio.create_task(app.start())
        try:
            yield app
        finally:
            await running
            await app.stop()

    def committed(self) -> list[int]:
        """By partition."""
        asking: Consumer = consumer(self.kafka, self.name)
        try:
            count = len(asking.list_topics(self.name, timeout=30).topics[self.name].partitions)
            found = asking.committed([TopicPartition(self.name, number) for number in range(count)], timeout=30)
            return [max(place.offset, 0) for place in found]
        finally:
            asking.close()

    def ends(self) -> list[int]:
        """By partition, control records included."""
        asking: Consumer = consumer(self.kafka, self.name)
        try:
            count = len(asking.list_topics(self.name, timeout=30).topics[self.name].partitions)
            return [
                asking.get_watermark_offsets(TopicPartition(self.name, number), timeout=30)[1]
                for number in range(count)
            ]
        finally:
            asking.close()


@pytest.fixture
def place(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Place]:
    yield Place(kafka, tmp_path)


async def until(what: str, condition: Callable[[], Any]) -> None:
    for _ in range(PATIENCE_SECONDS * 20):
        with suppress(KafkaException):  # a young broker may have no coordinator of the group yet
            if await asyncio.to_thread(condition):
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}")


async def test_committed_transactions_are_handed_out_once_and_all_up_to_the_last_marker_is_committed(
    place: Place,
) -> None:
    place.create(1)
    sending = place.producer(**{"transactional.id": place.name})
    sending.init_transactions(30)
    for name, keep in [("a", True), ("b", False), ("c", True), ("d", False)]:
        sending.begin_transaction()
        for number in range(3):
            sending.produce(place.name, f"{name}{number}")
        sending.flush(30)
        sending.commit_transaction(30) if keep else sending.abort_transaction(30)
    async with place.reading():
        await until("all are committed", lambda: place.committed() == place.ends())
        assert place.handed_out == [
            (0, offset, value.encode())
            for offset, value in zip([0, 1, 2, 8, 9, 10], "a0 a1 a2 c0 c1 c2".split(), strict=True)
        ]
        sending.begin_transaction()
        sending.produce(place.name, "late")
        sending.flush(30)
        await asyncio.sleep(0.5)
        assert b"late" not in place.values()  # nothing of an open transaction
        sending.commit_transaction(30)
        await until("the last one", lambda: place.values()[-1] == b"late")
        await until("all are committed", lambda: place.committed() == place.ends())


async def test_compaction_leaves_gaps_that_are_no_loss(place: Place) -> None:
    options = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100"}
    place.create(1, **{"cleanup.policy": "compact", **options})
    sending = place.producer()
    for number in range(300):
        sending.produce(place.name, f"v{number}", key=f"k{number % 5}" if number % 60 else f"own{number}")
    sending.flush(30)
    reader = consumer(place.kafka, f"{place.name}-test")
    reader.assign([TopicPartition(place.name, 0, 0)])

    def is_compacted() -> bool:
        sending.produce(place.name, "roll", key="roll")  # a segment is closed, and then cleaned, by what comes after it
        sending.flush(30)
        reader.seek(TopicPartition(place.name, 0, 0))
        return 0 < len(reader.consume(400, timeout=0.5)) < 200

    reader.poll(1)
    await until("the cleaner has been", is_compacted)
    reader.close()
    async with place.reading():
        await until("all are committed", lambda: place.committed() == place.ends())
    offsets = [offset for _, offset, _ in place.handed_out]
    assert offsets == sorted(set(offsets))
    assert len(offsets) < 300 < offsets[-1]
    assert {f"v{number}".encode() for number in (*range(0, 300, 60), *range(295, 300))} <= set(place.values())


async def test_readers_that_come_and_go_miss_nothing_and_a_clean_stop_repeats_nothing(place: Place) -> None:
    place.create(4)
    sending = place.producer()
    sent = [f"v{number}" for number in range(3000)]

    def send(some: list[str]) -> None:
        for value in some:
            sending.produce(place.name, value, key=value)
        sending.flush(30)

    async with place.reading("one"):
        send(sent[:1000])
        await until("the first ones", lambda: len(place.handed_out) >= 1000)
        async with place.reading("two"):
            send(sent[1000:2000])
            await until("both have read", lambda: len(set(place.handed_out)) >= 2000)
        send(sent[2000:])
        await until("all are committed", lambda: place.committed() == place.ends())
    assert sorted(set(place.values())) == sorted(value.encode() for value in sent)
    repeated = len(place.handed_out)
    async with place.reading("three"):
        send(["after"])
        await until("what came after", lambda: b"after" in place.values())
    assert len(place.handed_out) == repeated + 1
    for partition in range(4):
        offsets = [offset for number, offset, _ in dict.fromkeys(place.handed_out) if number == partition]
        assert sorted(offsets) == list(range(len(offsets)))


async def test_a_group_goes_on_from_where_its_committed_offset_was_moved_to(place: Place) -> None:
    place.create(1)
    sending = place.producer(**{"batch.num.messages": 50})
    for number in range(200):
        sending.produce(place.name, f"v{number}")
    sending.flush(30)
    moving = consumer(place.kafka, place.name)
    moving.commit(offsets=[TopicPartition(place.name, 0, 77)], asynchronous=False)  # within a batch
    moving.close()
    async with place.reading():
        await until("all are committed", lambda: place.committed() == [200])
    assert [offset for _, offset, _ in place.handed_out] == list(range(77, 200))


async def test_a_rebalance_does_not_keep_a_worker_from_stopping(place: Place) -> None:
    place.create(1)
    sending, may_go_on = place.producer(), asyncio.Event()
    async with place.reading("one", may_go_on) as app:
        sending.produce(place.name, "held")
        sending.flush(30)
        await until("it is at work", lambda: place.values() == [b"held"])
        app.consumer.close()  # as Faust does when a rebalance meets a stop
        await asyncio.sleep(0.5)
        may_go_on.set()
        stop = asyncio.create_task(app.stop())
        await asyncio.wait({stop}, timeout=20)
        assert stop.done()
    assert place.committed() == place.ends()


async def test_a_full_queue_does_not_keep_a_worker_from_a_rebalance(place: Place) -> None:
    place.create(2)
    sending, may_go_on, sent = place.producer(), asyncio.Event(), list[str]()

    async def send(rounds: int) -> None:
        for _ in range(rounds):
            for partition in range(2):
                sent.append(f"v{len(sent)}")
                sending.produce(place.name, sent[-1], partition=partition)
            sending.flush(30)
            await asyncio.sleep(0.02)

    async with place.reading("one", may_go_on):
        await send(1)
        await until("it is at work", lambda: place.handed_out)
        await send(30)  # more than its queue holds
        async with place.reading("two"):
            await asyncio.sleep(3)
            may_go_on.set()
            await send(5)
            await until("all are committed", lambda: place.committed() == place.ends())
    assert set(place.values()) == {value.encode() for value in sent}
