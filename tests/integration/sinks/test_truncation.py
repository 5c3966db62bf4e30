"""Bytes really leave the disk of the real broker, and only when every group has what it must have."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.settings import KafkaSettings, ProcessorSettings, RetentionSettings, Settings
from schemas.framing import ROLL_MARKER
from schemas.topics import topics
from sinks.retention.kafka_logs import KafkaLogs
from sinks.retention.kafka_place import KafkaTopic, kafka_places
from sinks.retention.truncation import Truncation, groups_by_topic
from streams.clients import admin, consumer, producer
from streams.embedded.stack import EmbeddedStack
from streams.topics import create
from tests.integration.sinks.conftest import SECONDS, wait_until

GROUPS = ("first", "second")
SEGMENT_SECONDS = 1
PLATE = b"PLATE0TRUNCATED"


class Log:
    """A topic of one test, uncompressed, with its two groups and its files."""

    def __init__(self, stack: EmbeddedStack, partitions: int = 2) -> None:
        self.name = f"truncated-{uuid4()}"
        kafka = stack.settings.kafka.model_copy(update={"segment_seconds": SEGMENT_SECONDS})
        self.settings = stack.settings.model_copy(
            update={"kafka": kafka, "retention": RetentionSettings(truncate_seconds=1)}
        )
        config = topics()["plate-reads"].config_with(SEGMENT_SECONDS) | {"compression.type": "uncompressed"}
        create(admin(kafka), [NewTopic(self.name, partitions, 1, config=config)])
        self.groups = [f"{group}-{self.name}" for group in GROUPS]
        self.truncation = Truncation(self.settings, {self.name: tuple(self.groups)})
        self.logs = KafkaLogs(self.settings)

    def put(self, *values: bytes, partition: int = 0) -> None:
        client = producer(self.settings.kafka, **{"compression.type": "none"})
        for value in values:
            client.produce(self.name, value, key=value, partition=partition)
        assert client.flush(SECONDS) == 0

    def commit(self, group: str, offset: int, partition: int = 0) -> None:
        """A group's first commit may come while the broker is still making its place for it."""
        client = consumer(self.settings.kafka, group)

        def is_committed() -> bool:
            try:
                client.commit(offsets=[TopicPartition(self.name, partition, offset)], asynchronous=False)
            except KafkaException:
                return False
            return True

        wait_until(is_committed, "a commit")
        client.close()

    def files(self) -> set[Path]:
        return {path for path in (self.settings.home / "kafka" / "data").glob(f"{self.name}-*/*") if path.is_file()}

    def holds(self, pattern: bytes) -> bool:
        """Whether any file of the topic has the pattern; True also while files are being renamed or deleted."""
        try:
            files = self.files()
            return any(pattern in file.read_bytes() for file in files) or self.files() != files
        except FileNotFoundError:
            return True

    @contextmanager
    def truncating(self) -> Iterator[None]:
        """With the loop of the storage process at work."""
        stop, errors = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                self.truncation.run(stop, lambda: None)
            except BaseException as error:
                errors.append(error)

        loop = threading.Thread(target=run)
        loop.start()
        try:
            yield
        finally:
            stop.set()
            loop.join(SECONDS)
            assert not loop.is_alive()
        assert not errors

    def take(self, group: str, most: int, seconds: float = 20) -> list[bytes | None]:
        """What a group gets next of partition 0, as a consumer that goes on where it left off; committed."""
        client = consumer(self.settings.kafka, group, **{"auto.offset.reset": "error"})
        client.assign([TopicPartition(self.name, 0)])
        got: list[bytes | None] = []
        deadline = time.monotonic() + seconds
        while len(got) < most and time.monotonic() < deadline:
            for message in client.consume(most - len(got), 0.5):
                assert not message.error(), message.error()
                got.append(message.value())
                client.commit(message, asynchronous=False)
        client.close()
        return got


@pytest.fixture
def log(stack: EmbeddedStack) -> Iterator[Log]:
    made = Log(stack)
    yield made
    client = admin(made.settings.kafka)  # kept by name: results do not come once it is gone
    client.delete_topics([made.name])[made.name].result(SECONDS)


@pytest.mark.rule("retention.sixty-days")
def test_what_all_have_committed_leaves_every_file_and_consumers_go_on(log: Log) -> None:
    log.put(*[PLATE + str(number).encode() for number in range(100)])
    mark = log.logs.ends([log.name])
    assert log.holds(PLATE)
    for group in log.groups:
        log.commit(group, 0)
        assert len(log.take(group, 100)) == 100
    log.truncation.truncate()
    assert log.logs.starts([log.name]) == {(log.name, 0): 100, (log.name, 1): 0}
    assert log.holds(PLATE), "moving the start of a log deletes nothing yet: that is the trap"
    assert log.logs.left(mark).records == 100
    with log.truncating():
        wait_until(lambda: not log.holds(PLATE), "the end of the last byte", seconds=60)
        left = log.logs.left(mark)
        assert (left.records, left.is_counted_on_files) == (0, True)
        log.put(b"next")
        assert [log.take(group, 2) for group in log.groups] == [[ROLL_MARKER, b"next"]] * 2


def test_what_one_group_has_not_committed_stays(log: Log) -> None:
    log.put(*[PLATE] * 10)
    log.truncation.truncate()
    assert log.logs.starts([log.name]) == {(log.name, 0): 0, (log.name, 1): 0}
    log.commit(log.groups[0], 10)
    log.truncation.truncate()
    assert log.logs.starts([log.name]) == {(log.name, 0): 0, (log.name, 1): 0}
    log.commit(log.groups[1], 4)
    log.truncation.truncate()
    assert log.logs.starts([log.name]) == {(log.name, 0): 4, (log.name, 1): 0}
    assert log.take(log.groups[1], 6) == [PLATE] * 6


def test_a_log_that_starts_above_what_a_group_has_committed_has_lost_messages(log: Log) -> None:
    log.put(*[PLATE] * 10)
    log.commit(log.groups[0], 10)
    log.commit(log.groups[1], 4)
    log.logs.delete_before({(log.name, 0): 7})
    with pytest.raises(IntegrityError, match=r"starts at 7, but group second-.* has committed 4: 3 messages"):
        log.truncation.truncate()


def test_a_commit_beyond_the_end_deletes_nothing(log: Log) -> None:
    log.put(*[PLATE] * 3)
    for group in log.groups:
        log.commit(group, 1000)
    log.truncation.truncate()
    assert log.logs.starts([log.name]) == {(log.name, 0): 0, (log.name, 1): 0}


def test_a_quiet_log_gets_one_marker_and_one_that_never_held_anything_none(log: Log) -> None:
    log.put(PLATE, partition=0)
    for group in log.groups:
        log.commit(group, 1)
    with log.truncating():
        wait_until(lambda: log.logs.ends([log.name])[log.name, 0] == 2, "the marker")
        for group in log.groups:
            log.commit(group, 2)
        time.sleep(2 * (SEGMENT_SECONDS + 1))  # the time in which another one would come
    assert log.logs.ends([log.name]) == {(log.name, 0): 2, (log.name, 1): 0}
    assert log.logs.starts([log.name]) == {(log.name, 0): 2, (log.name, 1): 0}


def test_while_the_broker_is_away_it_is_tried_again(
    unused_tcp_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.retention.kafka_logs._SECONDS", 1)
    settings = Settings(home=tmp_path, kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{unused_tcp_port}"))
    assert [place.due(datetime.now(UTC)) for place in kafka_places(settings)] == [None] * 4
    truncation = Truncation(settings, {"plate-reads": ("a",)})
    with pytest.raises(TransientError):
        truncation.truncate()
    stop, beats = threading.Event(), []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            stop.set()

    truncation.run(stop, beat)
    assert len(beats) == 3


def test_the_groups_are_those_of_the_consumers_in_the_topics_facts() -> None:
    settings = Settings(processor=ProcessorSettings(group="matching"))
    storage = {"plate-reads": "storage-reads", "plate-pictures": "storage-pictures"}
    assert groups_by_topic(settings, storage) == {
        "plate-reads": ("matching", "storage-reads"),
        "plate-pictures": ("storage-pictures",),
    }
    with pytest.raises(ConfigError, match="plate-pictures is truncated, but the group of its consumer storage"):
        groups_by_topic(settings, {"plate-reads": "storage-reads"})


@pytest.mark.rule("retention.sixty-days")
def test_dead_letters_and_alerts_leave_the_files_by_days_also_from_the_last_segment(stack: EmbeddedStack) -> None:
    """With the days of their topics made seconds."""
    kafka, name = stack.settings.kafka, f"by-days-{uuid4()}"
    config = topics()["dead-letters"].config | {"retention.ms": "3000", "compression.type": "uncompressed"}
    client = admin(kafka)
    create(client, [NewTopic(name, 1, 1, config=config)])
    sender = producer(kafka, **{"compression.type": "none"})
    sender.produce(name, PLATE)
    assert sender.flush(SECONDS) == 0
    logs = KafkaLogs(stack.settings)
    mark = logs.ends([name])
    assert logs.left(mark).records == 1
    place = KafkaTopic(logs=logs, topic=name, method="by retention")
    now = datetime.now(UTC)
    assert (place.due(now + timedelta(minutes=1)), place.due(now - timedelta(minutes=1))) == (1, 0)
    logs.delete_before(mark)  # the log is empty, the file is not: what it holds is still of today
    assert (place.due(now + timedelta(minutes=1)), place.due(now - timedelta(minutes=1))) == (1, 0)
    wait_until(lambda: logs.left(mark).records == 0, "the end of the last record", seconds=60)
    files = [path for path in (stack.settings.home / "kafka" / "data").glob(f"{name}-0/*") if path.is_file()]
    assert not [file for file in files if PLATE in file.read_bytes()]
    assert place.due(now + timedelta(minutes=1)) == 0
    client.delete_topics([name])[name].result(SECONDS)
