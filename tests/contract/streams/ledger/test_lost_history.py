"""What only a real topic can do: lose its beginning, or hold what is no event. Neither may go unnoticed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from platestream.errors import IntegrityError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import DeadLetter
from streams.clients import admin, producer
from streams.ledger.events import new_event
from streams.ledger.kafka import KafkaLedger
from streams.ledger.people import AuthorizationRevoked
from tests.ledger_topic import new_ledger_topic

NOW = datetime(2026, 3, 10, tzinfo=UTC)
EVENT = new_event(
    AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved"), at=NOW, actor_id="a", subject_id="p"
)


@pytest.fixture
def topic(kafka: KafkaSettings) -> str:
    return new_ledger_topic(kafka)


@contextmanager
def opened(kafka: KafkaSettings, codec: Codec, topic: str, fold: Callable[..., int]) -> Iterator[KafkaLedger[int]]:
    ledger = KafkaLedger(kafka, codec, fold, 0, topic=topic, timeout_seconds=20)
    try:
        yield ledger
    finally:
        ledger.close()


def count(state: int, offset: int, event: Any) -> int:
    return state + 1


def put(kafka: KafkaSettings, topic: str, value: bytes) -> None:
    client = producer(kafka)
    client.produce(topic, value)
    assert client.flush(10) == 0


def wait_until_unsound(ledger: KafkaLedger[int]) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            ledger.check_sound()
        except IntegrityError as error:
            return str(error)
        time.sleep(0.02)
    raise AssertionError("the ledger still says that it is sound")


def test_a_log_that_lost_its_beginning_stops_everything(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    with opened(kafka, codec, topic, count) as ledger:
        for _ in range(3):
            ledger.append(EVENT)
    client = admin(kafka)
    client.delete_records([TopicPartition(topic, 0, 2)])[TopicPartition(topic, 0)].result(10)
    with opened(kafka, codec, topic, count) as ledger:
        assert "does not hold the events" in wait_until_unsound(ledger)
        for ask in (lambda: ledger.append(EVENT), lambda: ledger.replay_to(2), ledger.replay_all):
            with pytest.raises(IntegrityError):
                ask()


def test_a_value_that_cannot_be_read_stops_everything(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    with opened(kafka, codec, topic, count) as ledger:
        ledger.append(EVENT)
        put(kafka, topic, b"no event")
        assert f"{topic}[0]@1" in wait_until_unsound(ledger)


def test_another_record_in_the_ledger_stops_everything(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    letter = DeadLetter(reason="r", topic="t", partition=0, offset=0, at=NOW)
    with opened(kafka, codec, topic, count) as ledger:
        put(kafka, topic, codec.encode(letter))
        assert "no ledger event" in wait_until_unsound(ledger)


def test_a_fold_that_fails_leaves_no_state_that_looks_sound(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    def fail(state: int, offset: int, event: Any) -> int:
        raise ZeroDivisionError

    with opened(kafka, codec, topic, fail) as ledger:
        offset = ledger.append(EVENT)
        with pytest.raises(IntegrityError, match="ZeroDivisionError"):
            ledger.replay_to(offset)
