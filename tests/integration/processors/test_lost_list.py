"""A worker whose list can no longer be followed says so, and matches nothing rather than against an old list."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from platestream.settings import KafkaSettings
from streams.clients import admin
from tests.matching_worker import Matching, matching, until


@pytest.fixture
def fresh(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Matching]:
    with matching(kafka, tmp_path) as started:
        started.list_("OLD001", "old")
        started.read("OLD001", "before")
        started.flush()
        worker = started.start()
        until("a match", lambda: worker.metric("platestream_processor_alerts_total") == 1)
        yield started


def test_nothing_is_matched_when_the_lists_topic_is_gone(kafka: KafkaSettings, fresh: Matching) -> None:
    [worker] = fresh.workers
    client = admin(kafka)
    client.delete_topics([fresh.topics.entries])[fresh.topics.entries].result(30)
    until("it says so", lambda: "Nothing is matched until" in worker.log.read_text() or worker.process.poll())
    alerts = fresh.follow(fresh.topics.alerts)
    until("the alert of before", lambda: len(alerts()) == 1)
    fresh.read("OLD001", "after")
    fresh.flush()
    began = time.monotonic()
    until("three seconds have passed", lambda: time.monotonic() - began > 3)
    assert len(alerts()) == 1


def test_a_worker_that_starts_without_the_lists_topic_says_so(kafka: KafkaSettings, fresh: Matching) -> None:
    fresh.workers[0].end(signal.SIGTERM)
    client = admin(kafka)
    client.delete_topics([fresh.topics.entries])[fresh.topics.entries].result(30)
    fresh.read("OLD001", "after")
    fresh.flush()
    worker = fresh.start()
    until("it says so", lambda: "Nothing is matched until" in worker.log.read_text())
    assert worker.metric("platestream_processor_reads_total") == 0
