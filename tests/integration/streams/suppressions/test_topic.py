"""The keeper writes the list, a follower holds it."""

import os
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewTopic

from platestream.clock import SystemClock
from platestream.errors import IntegrityError, InvalidMessage, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from streams.clients import admin, producer
from streams.suppressions.following import SuppressionFollower
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import SuppressionKey
from streams.suppressions.writing import SuppressionKeeper
from streams.topics import create
from tests.matching_worker import until

KEY = SuppressionKey(bytes(32))


@pytest.fixture
def topic(kafka: KafkaSettings) -> str:
    name = f"suppressions-{os.urandom(4).hex()}"
    create(admin(kafka), [NewTopic(name, 1, 1)])
    return name


@pytest.fixture
def plates(codec: Codec) -> SuppressedPlates:
    return SuppressedPlates(codec, KEY, SystemClock())


@pytest.fixture
def follower(kafka: KafkaSettings, topic: str, plates: SuppressedPlates) -> Iterator[SuppressionFollower]:
    started = SuppressionFollower(kafka, plates, topic)
    yield started
    started.close()


@pytest.mark.rule("retention.suppressed")
def test_a_plate_is_suppressed_and_released_for_all_who_follow(
    kafka: KafkaSettings, codec: Codec, topic: str, plates: SuppressedPlates, follower: SuppressionFollower
) -> None:
    keeper = SuppressionKeeper(kafka, codec, KEY, SystemClock(), topic)
    follower.wait_ready(30)
    keeper.suppress("oil-100")
    keeper.suppress("ABC123")
    until("both", lambda: b"01L100" in plates and b"ABC123" in plates)
    keeper.release("OIL 100")
    until("one", lambda: b"01L100" not in plates)
    assert b"ABC123" in plates
    later = SuppressedPlates(codec, KEY, SystemClock())
    second = SuppressionFollower(kafka, later, topic)
    second.wait_ready(30)
    assert later.in_force(SystemClock().now()) == {b"ABC123"}
    second.close()
    with pytest.raises(InvalidMessage):
        keeper.suppress("no plate!")


def test_a_follower_that_meets_what_it_cannot_read_says_so(
    kafka: KafkaSettings, topic: str, follower: SuppressionFollower
) -> None:
    follower.wait_ready(30)
    sending = producer(kafka)
    sending.produce(topic, key=b"k", value=b"rubbish")
    assert sending.flush(30) == 0

    def is_unsound() -> bool:
        try:
            follower.check_sound()
        except IntegrityError:
            return True
        return False

    until("the fault", is_unsound)
    with pytest.raises(IntegrityError, match="unreadable"):
        follower.wait_ready(1)


def test_a_broker_that_is_away_is_an_error_for_now(codec: Codec, plates: SuppressedPlates) -> None:
    away = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    keeper = SuppressionKeeper(away, codec, KEY, SystemClock(), timeout_seconds=1)
    with pytest.raises(TransientError):
        keeper.suppress("ABC123")
    follower = SuppressionFollower(away, plates)
    with pytest.raises(TransientError):
        follower.wait_ready(1)
    follower.close()
