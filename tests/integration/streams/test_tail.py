"""The end of a partition, read back from the real broker."""

import os

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.clients import admin, producer
from streams.tail import end_offset, tail
from streams.topics import create
from tests.matching_worker import until


@pytest.fixture
def topic(kafka: KafkaSettings) -> str:
    name = f"tail-{os.urandom(4).hex()}"
    create(admin(kafka), [NewTopic(name, 2, 1)])
    return name


def write(kafka: KafkaSettings, topic: str, numbers: range, partition: int = 1) -> None:
    sending = producer(kafka)
    for number in numbers:
        sending.produce(topic, value=b"%d" % number, partition=partition)
    assert sending.flush(30) == 0


def delete_before(kafka: KafkaSettings, topic: str, offset: int) -> None:
    client, before = admin(kafka), TopicPartition(topic, 1, offset)
    client.delete_records([before])[before].result(30)


def values(kafka: KafkaSettings, topic: str, most: int) -> list[int]:
    return [int(message.value() or b"") for message in tail(kafka, topic, 1, most, timeout_seconds=30)]


def test_the_last_messages_come_oldest_first(kafka: KafkaSettings, topic: str) -> None:
    write(kafka, topic, range(5_000))
    write(kafka, topic, range(7), partition=0)
    assert values(kafka, topic, 3_000) == [*range(2_000, 5_000)]
    assert values(kafka, topic, 9_000) == [*range(5_000)]
    assert end_offset(kafka, topic, 1, timeout_seconds=30) == 5_000


def test_of_an_empty_partition_nothing_comes(kafka: KafkaSettings, topic: str) -> None:
    assert values(kafka, topic, 10) == []
    assert end_offset(kafka, topic, 1, timeout_seconds=30) == 0


def test_what_was_deleted_is_not_waited_for(kafka: KafkaSettings, topic: str) -> None:
    write(kafka, topic, range(100))
    delete_before(kafka, topic, 60)
    assert values(kafka, topic, 90) == [*range(60, 100)]
    delete_before(kafka, topic, 100)
    assert values(kafka, topic, 90) == []


def test_markers_of_transactions_at_the_end_are_no_messages(kafka: KafkaSettings, topic: str) -> None:
    writing = producer(kafka, **{"transactional.id": topic})
    writing.init_transactions(30)
    writing.begin_transaction()
    for number in range(10):
        writing.produce(topic, value=b"%d" % number, partition=1)
    writing.commit_transaction(30)
    until("the marker", lambda: end_offset(kafka, topic, 1, timeout_seconds=30) == 11)
    assert values(kafka, topic, 50) == [*range(10)]


def test_a_broker_that_is_away_is_said_to_be() -> None:
    away = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(TransientError, match=r"alerts\[0\] cannot be read back"):
        list(tail(away, "alerts", 0, 10, timeout_seconds=0.2))
    with pytest.raises(TransientError, match=r"The end of alerts\[0\] is not known"):
        end_offset(away, "alerts", 0, timeout_seconds=0.2)
