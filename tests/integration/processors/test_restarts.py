"""Workers that start, die, join and leave on the real broker: no read without its alert, no update unseen."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions, NewTopic, OffsetSpec

from platestream.ending import INTEGRITY, UNEXPECTED
from platestream.settings import KafkaSettings
from streams.clients import admin, consumer
from streams.topics import create
from tests.matching_worker import PARTITIONS, Matching, matching, until

_REMOVED = 2000  # entries that are taken off the list while reads run
_A_SECOND = 300  # steps of the storm: a little more


@pytest.fixture
def fresh(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Matching]:
    with matching(kafka, tmp_path) as started:
        yield started


def hits_of(alerts: list[Any]) -> set[tuple[UUID, str]]:
    """Read and entry of each message: an alert, or a sighting of one."""
    return {(alert.read_id, alert.entry_id) for alert, _ in alerts}


@pytest.mark.rule("alert.on-match")
def test_no_read_is_matched_before_the_whole_list_is_held(fresh: Matching) -> None:
    size = 8_000
    for number in range(size):
        fresh.list_(f"L{number}", f"e{number}")
    expected = {(fresh.read(f"L{size - n}", f"r{n}").read_id, f"e{size - n}") for n in range(1, 201)}
    fresh.flush()
    worker, alerts = fresh.start(), fresh.follow(fresh.topics.alerts)
    until("all alerts", lambda: len(alerts()) >= len(expected))
    assert hits_of(alerts()) == expected
    assert worker.metric("platestream_processor_hotlist_entries") == size
    assert worker.end(signal.SIGTERM) == 0


@pytest.mark.rule("alert.on-match")
def test_killed_and_started_again_every_alert_is_there_under_its_one_id(fresh: Matching) -> None:
    fresh.list_("KILL01", "k")
    alerts, expected, numbers = fresh.follow(fresh.topics.alerts), set(), count()
    for kill in range(2):
        worker = fresh.start(instance="the-one")
        for _ in range(400):
            number = next(numbers)
            plate = "KILL01" if number % 10 == 0 else f"OTHER{number}"
            read = fresh.read(plate, str(number))
            if plate == "KILL01":
                expected.add((read.read_id, "k"))
        fresh.flush()
        until("alerts flow", lambda at_least=kill * 40 + 5: len(hits_of(alerts())) >= at_least)
        worker.end(signal.SIGKILL)
    last = fresh.start(instance="the-one")
    # before its first alert, a signal finds no handler
    expected.add((fresh.read("KILL01", "by the last").read_id, "k"))
    fresh.flush()
    until("every alert", lambda: hits_of(alerts()) >= expected)
    assert hits_of(alerts()) == expected
    assert last.end(signal.SIGTERM) == 0


def test_what_a_clean_stop_has_matched_is_not_matched_again(fresh: Matching) -> None:
    fresh.list_("ONCE01", "o")
    for number in range(200):
        fresh.read("ONCE01", str(number))
    fresh.flush()
    alerts = fresh.follow(fresh.topics.alerts)
    first = fresh.start()
    until("the alerts", lambda: len(alerts()) == 200)
    assert first.end(signal.SIGTERM) == 0
    second = fresh.start()
    after = fresh.read("ONCE01", "after")
    fresh.flush()
    until("the next alert", lambda: (after.read_id, "o") in hits_of(alerts()))
    assert len(alerts()) == 201
    assert second.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("_run", range(20 if os.environ.get("PLATESTREAM_SOAK") else 1))
def test_workers_that_join_and_die_miss_no_read_and_no_update(fresh: Matching, _run: int) -> None:
    fresh.list_("ALWAYS1", "always")
    for number in range(_REMOVED):
        fresh.list_(f"DN{number}", f"d{number}")
    with storm(fresh) as (expected, listed):
        fresh.start()
        for _ in range(2):
            fresh.start()
            until("the new worker matches", lambda: fresh.workers[-1].metric("platestream_processor_reads_total") > 0)
        fresh.workers[0].end(signal.SIGKILL)
        fresh.start()
        until("the last worker matches", lambda: fresh.workers[-1].metric("platestream_processor_reads_total") > 0)
    alerts = fresh.follow(fresh.topics.alerts)
    until("every alert", lambda: hits_of(alerts()) >= expected)
    assert hits_of(alerts()) == expected
    for worker in fresh.workers[1:]:
        until("the whole list", lambda w=worker: w.metric("platestream_processor_hotlist_entries") == len(listed))
        assert worker.end(signal.SIGTERM) == 0


def what_is_read(number: int) -> tuple[str, str | None]:
    """The plate of a read, and the entry it alerts for."""
    before = number - _A_SECOND
    if number % 5 == 0:
        return "ALWAYS1", "always"
    if number % 5 == 1 and before >= 0:
        return f"UP{before}", f"u{before}"
    if number % 5 == 2 and 0 <= before < _REMOVED:
        return f"DN{before}", None
    return f"NO{number}", None


@contextmanager
def storm(fresh: Matching) -> Iterator[tuple[set[object], set[str]]]:
    """Reads and updates of the list without pause; what alerts and what is listed in the end.

    The reference is what a reader of both topics knows without hurry: a read alerts for what was listed a second before
    and stays so, and not for what was removed a second before, whichever worker comes to it, however late.
    """
    expected: set[object] = set()
    listed = {"always", *(f"d{number}" for number in range(_REMOVED))}
    done = threading.Event()

    def blow() -> None:
        for number in count():
            if done.is_set():
                return
            fresh.list_(f"UP{number}", f"u{number}")
            listed.add(f"u{number}")
            if number < _REMOVED:
                fresh.unlist(f"DN{number}", f"d{number}")
                listed.discard(f"d{number}")
            plate, entry_id = what_is_read(number)
            read = fresh.read(plate, str(number))
            if entry_id:
                expected.add((read.read_id, entry_id))
            fresh.producer.poll(0)
            time.sleep(0.004)

    blowing = threading.Thread(target=blow)
    blowing.start()
    try:
        yield expected, listed
    finally:
        done.set()
        blowing.join()
        fresh.flush()


def test_an_unexpected_error_ends_the_process_before_the_read_is_acknowledged(
    kafka: KafkaSettings, fresh: Matching
) -> None:
    client = admin(kafka)
    client.delete_topics([fresh.topics.alerts])[fresh.topics.alerts].result(30)
    until("the topic is gone", lambda: fresh.topics.alerts not in client.list_topics(timeout=30).topics)
    create(client, [NewTopic(fresh.topics.alerts, 1, 1)])
    fresh.list_("LAST01", "x")
    reads = [fresh.read("LAST01", str(number), key=str(number).encode()) for number in range(20)]
    fresh.flush()
    worker = fresh.start(instance="one")
    assert worker.process.wait(60) == UNEXPECTED
    assert "The process ends: " in worker.log.read_text()
    client.create_partitions([NewPartitions(fresh.topics.alerts, PARTITIONS)])[fresh.topics.alerts].result(30)
    fresh.start(instance="one")
    alerts = fresh.follow(fresh.topics.alerts)
    expected = {(read.read_id, "x") for read in reads}
    until("every alert", lambda: hits_of(alerts()) == expected)


def committed(kafka: KafkaSettings, matching_: Matching) -> list[int]:
    """The offsets that the workers' group has committed."""
    partitions = [TopicPartition(matching_.topics.reads, number) for number in range(PARTITIONS)]
    with closing(consumer(kafka, matching_.name)) as client:  # it asks, and never joins
        return [tp.offset for tp in client.committed(partitions, timeout=30)]


def test_reads_deleted_before_they_were_matched_end_the_process(kafka: KafkaSettings, fresh: Matching) -> None:
    worker = fresh.start()
    send_reads(fresh, range(100))
    until("the reads", lambda: worker.metric("platestream_processor_reads_total") == 100)
    until("their commit", lambda: 100 in committed(kafka, fresh))

    worker.process.send_signal(signal.SIGSTOP)
    time.sleep(1)  # a fetch that waits at the broker is answered in 10 ms: it must not bring what is deleted below
    send_reads(fresh, range(100, 200))
    client = admin(kafka)
    partitions = [TopicPartition(fresh.topics.reads, number) for number in range(PARTITIONS)]
    ends = client.list_offsets({tp: OffsetSpec.latest() for tp in partitions})
    [kept] = [TopicPartition(tp.topic, tp.partition, 150) for tp, end in ends.items() if end.result(30).offset == 200]
    client.delete_records([kept])[kept].result(30)
    worker.process.send_signal(signal.SIGCONT)
    assert worker.process.wait(60) == INTEGRITY
    assert "messages were deleted before they were processed" in worker.log.read_text()

    worker = fresh.start()
    assert worker.process.wait(60) == INTEGRITY
    assert "starts at 150, but" in worker.log.read_text()


def send_reads(fresh: Matching, numbers: range) -> None:
    for number in numbers:
        fresh.read(f"A{number}", str(number), key=b"one partition")
    fresh.flush()
