"""Passages through workers that die, join and freeze: the alerts log is that of a worker that was left alone."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.settings import KafkaSettings
from schemas.plates import alert_id, fold
from streams.clients import admin, consumer
from streams.topics import create
from tests.matching import a_read
from tests.matching_worker import PARTITIONS, Matching, matching, until
from tests.passages import metres_north

IS_LONG = os.environ.get("PLATESTREAM_SOAK") == "1"
KILLS = 10 if IS_LONG else 3
CARS = 40


@pytest.fixture
def fresh(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Matching]:
    with matching(kafka, tmp_path) as started:
        for car in range(CARS):
            started.list_(f"CAR{car}", f"e{car}")
            if car % 4 == 0:
                started.list_(f"CAR{car}", f"f{car}", priority=4)
        started.flush()
        yield started


@pytest.mark.rule("alert.on-match")
def test_ten_readers_see_a_car_within_20_seconds(fresh: Matching) -> None:
    now = datetime.now(UTC)
    first = fresh.read("CAR1", "0", collected_at=now)
    for number in range(1, 10):
        at = now - timedelta(seconds=2 * number)
        fresh.read("CAR1", f"{number}", collected_at=at, device_id=f"gate-{number}", **metres_north(100 * number))
    fresh.flush()
    worker, alerts = fresh.start(), fresh.follow(fresh.topics.alerts)
    until("ten messages", lambda: len(alerts()) == 10)
    assert [alert.sighting for alert, _ in alerts()] == list(range(1, 11))
    assert {alert.alert_id for alert, _ in alerts()} == {alert_id(first.read_id, "e1")}
    until("one alert", lambda: worker.metric("platestream_processor_alerts_total") == 1)
    until("nine updates", lambda: worker.metric("platestream_processor_sightings_total") == 9)
    assert worker.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("hits_in_a_thousand", [1_000, 10])
def test_a_worker_killed_at_random_moments(fresh: Matching, hits_in_a_thousand: int) -> None:
    chance = random.Random()
    with traffic(fresh, hits_in_a_thousand):
        for _ in range(KILLS):
            worker = fresh.start(instance="the-one")
            until("it matches", lambda one=worker: one.metric("platestream_processor_reads_total") > 0)
            time.sleep(chance.uniform(0, 1.5))
            worker.end(signal.SIGKILL)
    fresh.start(instance="the-one")
    expected = undisturbed(fresh)
    until("every read is matched", lambda: is_done(fresh, fresh.name))
    found = log_of(fresh, fresh.topics.alerts)
    assert [number for number in found if found[number] != expected[number]] == []


def test_workers_that_join_die_and_freeze(fresh: Matching) -> None:
    """The frozen one wakes up when its partitions are another's, and finishes what it had in hand: doubles, no more."""
    with traffic(fresh, 300):
        first, second = fresh.start(), fresh.start()
        until("both match", lambda: all(w.metric("platestream_processor_reads_total") for w in (first, second)))
        second.process.send_signal(signal.SIGSTOP)
        third = fresh.start()
        until("the third matches", lambda: third.metric("platestream_processor_reads_total") > 0)
        first.end(signal.SIGKILL)
        second.process.send_signal(signal.SIGCONT)
        fresh.start()
        until("the last matches", lambda: fresh.workers[-1].metric("platestream_processor_reads_total") > 0)
    expected = undisturbed(fresh)
    until("every read is matched", lambda: is_done(fresh, fresh.name))
    found = log_of(fresh, fresh.topics.alerts)
    for partition, messages in found.items():
        assert list(dict.fromkeys(messages)) == expected[partition]


@contextmanager
def traffic(fresh: Matching, hits_in_a_thousand: int) -> Iterator[None]:
    """Reads without pause: cars that pass several readers, some of them late, out of order or sent again."""
    done = threading.Event()
    chance = random.Random()
    other = fresh.codec.encode(a_read("NOBODY"))
    hits: list[tuple[bytes, bytes]] = []

    def drive() -> None:
        for number in count():
            if done.is_set():
                return
            if chance.randrange(1_000) < hits_in_a_thousand:
                hits.append(chance.choice(hits) if hits and chance.random() < 0.03 else a_hit(fresh, number, chance))
                fresh.send(*hits[-1])
            else:
                fresh.send(b"%d" % number, other)
            if number % 10 == 0:
                fresh.producer.poll(0)
                time.sleep(0.2 if hits_in_a_thousand > 100 else 0.005)

    driving = threading.Thread(target=drive)
    driving.start()
    try:
        yield
    finally:
        done.set()
        driving.join()
        fresh.flush()


def a_hit(fresh: Matching, number: int, chance: random.Random) -> tuple[bytes, bytes]:
    plate, gate = f"CAR{chance.randrange(CARS)}", chance.randrange(5)
    seconds = 0.2 * number + chance.uniform(-20, 20) - chance.choice([0, 0, 0, 0, 7_000])
    now = datetime.now(UTC)
    at = now - timedelta(hours=12) + timedelta(seconds=seconds)
    place = metres_north([0, 900, 1_500, 2_900, 80_000][gate])
    read = a_read(plate, event=f"{number}", collected_at=at, received_at=now, device_id=f"gate-{gate}", **place)
    return fold(plate).encode(), fresh.codec.encode(read)


def undisturbed(fresh: Matching) -> dict[int, list[Any]]:
    """The log of a worker of another group on the same reads that nobody disturbs."""
    group, alerts = f"{fresh.name}-alone", f"{fresh.name}-alone-alerts"
    create(admin(fresh.kafka), [NewTopic(alerts, PARTITIONS, 1)])
    worker = fresh.start(group=group, alerts=alerts)
    until("every read is matched by the worker left alone", lambda: is_done(fresh, group), 240)
    assert worker.end(signal.SIGTERM) == 0
    log = log_of(fresh, alerts)
    raised = {message[0] for messages in log.values() for message in messages}
    assert 0 < len(raised) < sum(map(len, log.values())), "the traffic has no passages with several sightings"
    return log


def is_done(fresh: Matching, group: str) -> bool:
    """Whether the group has committed all reads."""
    client = consumer(fresh.kafka, group)
    try:
        places = [TopicPartition(fresh.topics.reads, number) for number in range(PARTITIONS)]
        committed = {place.partition: place.offset for place in client.committed(places, timeout=30)}
        ends = {place.partition: client.get_watermark_offsets(place, timeout=30)[1] for place in places}
        return all(committed[number] == end or end == 0 for number, end in ends.items())
    finally:
        client.close()


def log_of(fresh: Matching, alerts: str) -> dict[int, list[Any]]:
    """What identifies each message of the log, by partition, in order."""
    so_far = fresh.follow(alerts)
    client = consumer(fresh.kafka, f"{fresh.name}-ends")
    ends = [client.get_watermark_offsets(TopicPartition(alerts, n), timeout=30)[1] for n in range(PARTITIONS)]
    client.close()
    until("the whole log", lambda: len(so_far()) >= sum(ends))
    log: dict[int, list[Any]] = {number: [] for number in range(PARTITIONS)}
    for alert, message in sorted(so_far(), key=lambda found: int(found[1].offset())):
        span = alert.passage_started_at, alert.last_seen_at
        log[message.partition()].append(
            (alert.alert_id, alert.sighting, alert.read_id, alert.entry_id, alert.source_offset, *span)
        )
    return log
