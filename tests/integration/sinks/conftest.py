"""A topic of its own for each test, on the real broker, with what a sink needs around it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.clock import SetClock
from platestream.settings import KafkaSettings, RetentionSettings, Settings
from schemas.codec import Codec
from schemas.messages import DeadLetter
from schemas.versions import versions
from sinks.clickhouse.ledger import LedgerKeeper
from sinks.clickhouse.sink import alerts_keeper, outcomes_keeper, reads_keeper
from sinks.clickhouse.store import Store
from sinks.dead_letters import DeadLetters
from sinks.holds.investigations import Withheld
from sinks.intake import Intake
from sinks.pictures.sink import PictureKeeper
from sinks.pictures.store import PictureStore
from sinks.topic_sink import Keeper, Limits, TopicSink
from streams.clients import admin, consumer, producer
from streams.topics import create
from tests.storing import NOW

PARTITIONS = 2
SECONDS = 60
Run = Callable[..., None]


def wait_until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)


@dataclass
class Bench:
    """Topics, settings and a clock of one test. `batch` and `days` may be changed before a sink is made."""

    kafka: KafkaSettings
    codec: Codec
    clock: SetClock
    home: Path
    topic: str
    dead_letter_topic: str
    batch: int = 1000
    days: int = 60
    withheld: Withheld = field(default_factory=Withheld)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, kafka=self.kafka, retention=RetentionSettings(days=self.days))

    @property
    def group(self) -> str:
        return f"group-{self.topic}"

    def intake(self) -> Intake:
        return Intake(self.kafka, self.topic, self.group)

    def dead_letter_producer(self) -> DeadLetters:
        return DeadLetters(self.kafka, self.codec, self.clock, self.dead_letter_topic)

    def sink(self, keeper: Keeper[Any]) -> TopicSink[Any]:
        limits = Limits(self.batch, seconds=0.1)
        return TopicSink(self.intake(), keeper, self.dead_letter_producer(), limits)

    def read_sink(self, store: Store) -> TopicSink[Any]:
        return self.sink(reads_keeper(store, self.codec, self.clock, self.days, lambda: self.withheld))

    def alert_sink(self, store: Store) -> TopicSink[Any]:
        return self.sink(alerts_keeper(store, self.codec, self.clock, self.days, lambda: self.withheld))

    def outcome_sink(self, store: Store) -> TopicSink[Any]:
        return self.sink(outcomes_keeper(store, self.codec))

    def ledger_sink(self, store: Store) -> TopicSink[Any]:
        return self.sink(LedgerKeeper(store))

    def picture_sink(self, store: PictureStore) -> TopicSink[Any]:
        return self.sink(PictureKeeper(self.settings, store, self.codec, self.clock, lambda: self.withheld))

    def produce(self, values: Sequence[bytes | None], partition: int = -1) -> None:
        """Put values on the topic; each has its number as key. Partition -1 is any."""
        self.produce_pairs([(str(number).encode(), value) for number, value in enumerate(values)], partition)

    def produce_pairs(self, pairs: Sequence[tuple[bytes | None, bytes | None]], partition: int = -1) -> None:
        client = producer(self.kafka, **{"message.max.bytes": 9_000_000})
        for key, value in pairs:
            client.produce(self.topic, value, key=key, partition=partition)
            client.poll(0)
        assert client.flush(SECONDS) == 0

    def committed(self) -> int:
        """Messages of the topic that the group has committed, all partitions."""
        return sum(max(0, partition.offset) for partition in self._committed())

    def has_started(self) -> bool:
        """Whether the group has committed every partition, be it its start."""
        return sum(partition.offset >= 0 for partition in self._committed()) == PARTITIONS

    def _committed(self) -> list[TopicPartition]:
        client = consumer(self.kafka, self.group)
        partitions = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        try:
            return client.committed(partitions, timeout=SECONDS)
        except KafkaException:  # the broker is still making its topic of offsets
            return []
        finally:
            client.close()

    def commit(self, partition: int, offset: int) -> None:
        client = consumer(self.kafka, self.group)
        client.commit(offsets=[TopicPartition(self.topic, partition, offset)], asynchronous=False)
        client.close()

    def delete_records(self, partition: int, before: int) -> None:
        client = admin(self.kafka)  # kept by name: results do not come once it is gone
        for result in client.delete_records([TopicPartition(self.topic, partition, before)]).values():
            result.result(SECONDS)

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters so far."""
        client = consumer(self.kafka, f"look-{uuid4()}")
        client.assign([TopicPartition(self.dead_letter_topic, 0, 0)])
        _, end = client.get_watermark_offsets(TopicPartition(self.dead_letter_topic, 0), timeout=SECONDS)
        found: list[DeadLetter] = []
        while len(found) < end:
            found += [self.codec.decode(message.value()) for message in client.consume(end, 1) if not message.error()]
        client.close()
        return found

    @contextmanager
    def running(self, sink: TopicSink[Any], **options: Any) -> Iterator[list[BaseException]]:
        """The sink in a thread; the list holds the error that ended it."""
        stop, errors = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                sink.run(stop, lambda: None, **options)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield errors
        finally:
            stop.set()
            thread.join(SECONDS)
            assert not thread.is_alive()

    def keep_all(self, sink: TopicSink[Any], messages: int) -> None:
        """Run the sink until that many messages are committed, then stop it."""
        with self.running(sink) as errors:
            wait_until(lambda: errors or self.committed() >= messages, f"committing {messages} messages")
        assert not errors


@pytest.fixture(scope="session")
def codec() -> Codec:
    """A codec with ids as a registry might give them out."""
    ids = iter(range(101, 1000))
    return Codec({record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()})


@pytest.fixture
def bench(kafka: KafkaSettings, codec: Codec, tmp_path: Path) -> Iterator[Bench]:
    names = [f"kept-{uuid4()}", f"dead-{uuid4()}"]
    client = admin(kafka)
    config = {"max.message.bytes": "8388608"}
    create(client, [NewTopic(names[0], PARTITIONS, 1, config=config), NewTopic(names[1], 1, 1)])
    yield Bench(kafka, codec, SetClock(NOW), tmp_path / "home", names[0], names[1])
    for result in client.delete_topics(names).values():
        result.result(SECONDS)
