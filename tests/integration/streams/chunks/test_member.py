"""A member of a group on the real broker: everything once, across members that come and go, and nothing skipped."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.chunks import member as module
from streams.chunks.member import Member
from streams.clients import admin, consumer, producer
from streams.topics import create

PARTITIONS = 4
SECONDS = 60
Seen = set[tuple[int, int, bytes | None]]
Send = Callable[..., None]


@pytest.fixture
def topic(kafka: KafkaSettings) -> Iterator[str]:
    name, client = f"member-{uuid4()}", admin(kafka)
    create(client, [NewTopic(name, PARTITIONS, 1)])
    yield name
    client.delete_topics([name])[name].result(SECONDS)


@pytest.fixture
def send(kafka: KafkaSettings, topic: str) -> Send:
    """Sends that many messages to each partition."""

    def send(count: int, **options: str) -> None:
        client = producer(kafka, **options)
        if options:
            client.init_transactions(SECONDS)
            client.begin_transaction()
        for number in range(count * PARTITIONS):
            client.produce(topic, b"%d" % number, partition=number % PARTITIONS)
        client.flush(SECONDS)
        if options:
            client.abort_transaction(SECONDS)

    return send


def take(member: Member, seen: Seen) -> None:
    """Takes a chunk if there is one, and commits it."""
    if chunk := member.next_chunk(0.2):
        seen |= {(chunk.tp.partition, record.offset, record.value) for record in chunk}
        member.commit({chunk.tp.partition: chunk.last_offset + 1})


def take_until(condition: Callable[[], bool], *taking: tuple[Member, Seen]) -> None:
    for _ in range(SECONDS * 5):
        if condition():
            return
        for one in taking:
            take(*one)
    raise AssertionError("it did not come about")


def all_of(count: int) -> Seen:
    return {(number % PARTITIONS, number // PARTITIONS, b"%d" % number) for number in range(count * PARTITIONS)}


def committed(kafka: KafkaSettings, topic: str, group: str) -> list[int]:
    with closing(consumer(kafka, group)) as asking:
        return [
            one.offset
            for one in asking.committed([TopicPartition(topic, n) for n in range(PARTITIONS)], timeout=SECONDS)
        ]


def test_members_share_a_topic_and_take_over_from_each_other(kafka: KafkaSettings, topic: str, send: Send) -> None:
    group, first, second = f"group-{topic}", Seen(), Seen()
    send(50)
    with closing(Member(kafka, topic, group)) as stays:
        take_until(lambda: first == all_of(50), (stays, first))
        with closing(Member(kafka, topic, group)) as leaves:
            take_until(lambda: len(leaves._consumer.assignment()) == PARTITIONS // 2, (stays, first), (leaves, second))
            send(50)
            take_until(lambda: len(first | second) == 100 * PARTITIONS, (stays, first), (leaves, second))
            assert second
            assert not first & second
        send(50)
        take_until(lambda: len(first | second) == 150 * PARTITIONS, (stays, first))
    assert committed(kafka, topic, group) == [150] * PARTITIONS


def test_what_is_committed_is_not_taken_again(kafka: KafkaSettings, topic: str, send: Send) -> None:
    group, seen, again = f"group-{topic}", Seen(), Seen()
    send(20)
    with closing(Member(kafka, topic, group)) as member:
        take_until(lambda: seen == all_of(20), (member, seen))
    send(1)
    with closing(Member(kafka, topic, group)) as member:
        take_until(lambda: len(again) == PARTITIONS, (member, again))
    assert {offset for _, offset, _ in again} == {20}


def test_a_first_start_is_committed_before_anything_comes(
    kafka: KafkaSettings, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    group = f"group-{topic}"
    with closing(Member(kafka, topic, group)) as member:
        take_until(lambda: committed(kafka, topic, group) == [0] * PARTITIONS, (member, Seen()))
    assert f"{topic}[3]: first start, at offset 0" in caplog.messages


def test_aborted_messages_are_passed_over(kafka: KafkaSettings, topic: str, send: Send) -> None:
    group, seen = f"group-{topic}", Seen()
    send(5, **{"transactional.id": topic})
    send(5)
    with closing(Member(kafka, topic, group)) as member:
        take_until(lambda: len(seen) == 5 * PARTITIONS, (member, seen))
    assert {offset for _, offset, _ in seen} == {6, 7, 8, 9, 10}


def test_it_says_how_many_wait_behind_a_chunk(kafka: KafkaSettings, topic: str, send: Send) -> None:
    send(10)
    with closing(Member(kafka, topic, f"group-{topic}")) as member:
        for _ in range(SECONDS * 5):
            if chunk := member.next_chunk(0.2):
                break
        assert chunk
        assert member.waiting(chunk) == 9 - chunk.last_offset


def test_a_rebalance_without_an_end_does_not_hold_the_caller(
    kafka: KafkaSettings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Member(kafka, topic, f"group-{topic}")) as member:
        monkeypatch.setattr(SubscriptionState, "reassignment_in_progress", True)
        started = time.monotonic()
        assert member.next_chunk(0.2) is None
        assert time.monotonic() - started < SECONDS / 2
        monkeypatch.undo()


def test_a_broker_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 1)
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:9")
    with pytest.raises(TransientError, match=r"Kafka does not answer for reads: KafkaConnectionError\."):
        Member(nowhere, "reads", "group")
