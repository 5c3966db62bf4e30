"""How soon a read can be searched: at one read a second and, in the soak, at 10,000, with the limits of storage.

Each insert makes a part for each day it touches, so few inserts a second are few parts a second.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from platestream.clock import SystemClock
from platestream.metrics import INSERTS
from platestream.settings import StorageSettings
from schemas.plates import read_id
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.sink import reads_keeper
from sinks.clickhouse.store import Store
from sinks.topic_sink import Limits, TopicSink
from streams.clients import producer
from tests.integration.sinks.conftest import SECONDS, Bench, wait_until
from tests.storing import a_read, of_plate

SOAK = bool(os.environ.get("PLATESTREAM_SOAK"))
FRESH_SECONDS = 2.0
_BURST_SECONDS = 0.05


def fresh_read(bench: Bench, number: int) -> bytes:
    """A read of now, whose plate nothing else has."""
    now = SystemClock().now()
    return bench.codec.encode(a_read(number, plate=f"F{number:07d}", collected_at=now, received_at=now))


@contextmanager
def other_reads(bench: Bench, reads_per_second: int) -> Iterator[None]:
    """So many reads a second come by meanwhile."""
    ended = threading.Event()
    value = bench.codec.encode(a_read("0", collected_at=SystemClock().now()))
    head, tail = value.split(str(read_id("gate-1", "0")).encode())

    def send() -> None:
        client, sent, started = producer(bench.kafka), 0, time.monotonic()
        while not ended.wait(_BURST_SECONDS):
            due = int((time.monotonic() - started) * reads_per_second)
            for number in range(sent, due):
                client.produce(bench.topic, head + str(read_id("gate-2", str(number))).encode() + tail)
                client.poll(0)
            sent = due
        client.flush(SECONDS)

    sender = threading.Thread(target=send)
    sender.start()
    yield
    ended.set()
    sender.join()


@pytest.mark.parametrize(
    ("reads_per_second", "seconds"),
    [
        (1, 5),
        pytest.param(10_000, 30, marks=pytest.mark.skipif(not SOAK, reason="half a minute of load; make soak runs it")),
    ],
)
def test_a_read_can_be_searched_two_seconds_after_it_was_published(
    bench: Bench, store: Store, reads_per_second: int, seconds: int
) -> None:
    settings = StorageSettings()
    limits = Limits(settings.batch_reads, settings.batch_milliseconds / 1000)
    keeper = reads_keeper(store, bench.codec, SystemClock(), bench.days)
    sink = TopicSink(bench.intake(), keeper, bench.dead_letter_producer(), limits)
    now = SystemClock().now()
    span = (now - timedelta(days=1), now + timedelta(days=1))

    def is_found(number: int) -> bool:
        return bool(find_reads(store.client(), of_plate(f"F{number:07d}", *span)))

    with bench.running(sink) as errors:
        bench.produce([fresh_read(bench, 0)])
        wait_until(lambda: is_found(0), "the sink's start")
        inserts, started, waits = INSERTS._value.get(), time.monotonic(), []
        with other_reads(bench, reads_per_second - 1):
            for number in range(1, seconds + 1):
                bench.produce([fresh_read(bench, number)])
                published = time.monotonic()
                wait_until(lambda number=number: is_found(number), "a read")  # type: ignore[misc]
                waits.append(time.monotonic() - published)
                time.sleep(max(0.0, started + number - time.monotonic()))
        inserts_per_second = (INSERTS._value.get() - inserts) / (time.monotonic() - started)
    assert not errors
    assert max(waits) <= FRESH_SECONDS
    assert inserts_per_second <= 2.5
