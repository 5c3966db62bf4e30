"""What a partition holds of what was handed over, on the real broker: all of it, or all up to some message."""

import asyncio
import os
import random
import sys
from unittest.mock import patch

import pytest
from confluent_kafka.admin import NewTopic

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.clients import admin
from streams.embedded.stack import EmbeddedStack
from streams.tail import tail
from streams.topics import create
from streams.workers import delivery
from streams.workers.delivery import Delivery
from tests.stack import new_home, stack_settings

SECONDS = 60
LARGEST_BATCH_BYTES = 20_000
Message = tuple[bytes | None, bytes]


def new_topic(kafka: KafkaSettings, partitions: int = 1, **config: str) -> str:
    name = f"delivery-{os.urandom(4).hex()}"
    create(admin(kafka), [NewTopic(name, partitions, 1, config=config)])
    return name


def small_topic(kafka: KafkaSettings) -> str:
    return new_topic(kafka, **{"max.message.bytes": str(LARGEST_BATCH_BYTES)})


def some(count: int) -> list[Message]:
    return [(b"%d" % number, os.urandom(50)) for number in range(count)]


def log_of(kafka: KafkaSettings, topic: str, partition: int = 0) -> list[Message]:
    """Key and value of all that a partition holds."""
    messages = tail(kafka, topic, partition, sys.maxsize, timeout_seconds=SECONDS)
    return [(message.key(), message.value()) for message in messages]


async def test_what_is_acknowledged_is_there_in_order(kafka: KafkaSettings) -> None:
    topic, going = new_topic(kafka, partitions=2), Delivery(kafka)
    handed_over: dict[int, list[Message]] = {0: [], 1: []}
    for count in (1, 1000, 7, 300):
        sent = {partition: some(count) for partition in handed_over}
        await asyncio.gather(*[going.hand_over(topic, partition, messages) for partition, messages in sent.items()])
        for partition, messages in sent.items():
            handed_over[partition] += messages
    for partition, messages in handed_over.items():
        assert log_of(kafka, topic, partition) == messages


async def refused(kafka: KafkaSettings, chance: random.Random) -> tuple[list[Message], list[Message]]:
    """Messages, of which the broker refuses one, are handed over; what may be of them on the log, and what is."""
    topic, going = small_topic(kafka), Delivery(kafka)
    messages, too_large = some(chance.randrange(2, 300)), (b"large", os.urandom(LARGEST_BATCH_BYTES))
    at = chance.randrange(len(messages))
    with pytest.raises(TransientError, match=f"did not take a message of {topic}"):
        await going.hand_over(topic, 0, [*messages[:at], too_large, *messages[at:]])
    with pytest.raises(TransientError):
        await going.hand_over(topic, 0, some(1))
    return messages[:at], log_of(kafka, topic)


async def test_nothing_follows_a_refused_message(kafka: KafkaSettings) -> None:
    chance = random.Random(4)
    for _ in range(6):
        before, log = await refused(kafka, chance)
        assert log == before[: len(log)]


async def test_without_the_guarantee_others_would_follow(kafka: KafkaSettings) -> None:
    topic, messages = small_topic(kafka), some(300)
    with patch.object(delivery, "_WITHOUT_GAPS", {}):
        going = Delivery(kafka)
    with pytest.raises(TransientError):
        await going.hand_over(topic, 0, [(None, os.urandom(LARGEST_BATCH_BYTES)), *messages])
    await going.hand_over(topic, 0, some(1))
    assert log_of(kafka, topic)


async def test_what_the_client_does_not_take_is_not_followed_either(kafka: KafkaSettings) -> None:
    topic, messages = new_topic(kafka), some(20)
    beyond_any_client = (None, bytes(2_000_000))
    with pytest.raises(TransientError, match="did not take"):
        await Delivery(kafka).hand_over(topic, 0, [*messages[:10], beyond_any_client, *messages[10:]])
    log = log_of(kafka, topic)
    assert log == messages[: len(log)]
    assert len(log) <= 10


async def test_a_partition_that_is_not_there_is_an_error(kafka: KafkaSettings) -> None:
    topic = new_topic(kafka)
    for _ in range(2):  # before and after the client knows the topic
        with pytest.raises(TransientError):
            await Delivery(kafka).hand_over(topic, 3, some(3))


@pytest.mark.skipif("PLATESTREAM_SOAK" not in os.environ, reason="starts a stack of its own twice; make soak runs it")
async def test_messages_wait_for_a_broker_that_is_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = stack_settings(new_home(tmp_path_factory))
    with EmbeddedStack(settings):
        topic, going = new_topic(settings.kafka), Delivery(settings.kafka)
        before, during = some(50), some(50)
        await going.hand_over(topic, 0, before)
    waiting = asyncio.create_task(going.hand_over(topic, 0, during))
    await asyncio.sleep(2)
    assert not waiting.done()
    with EmbeddedStack(settings):
        await asyncio.wait_for(waiting, SECONDS)
        assert log_of(settings.kafka, topic) == before + during
