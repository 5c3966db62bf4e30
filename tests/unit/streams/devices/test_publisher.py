"""The publisher against a broker that is played: acknowledgements come when the test says so."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from prometheus_client import REGISTRY

from platestream.clock import SetClock
from platestream.errors import IntegrityError
from streams.devices.publisher import MAX_IN_FLIGHT_RECORDS, Publisher, largest_record_bytes
from streams.devices.spool import Record, Spool
from tests.played_broker import Broker, PlayedProducer

NOW = datetime(2026, 3, 5, tzinfo=UTC)
WAIT_SECONDS = 20


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path, 64 * 1024**2)
    yield opened
    opened.close()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def publisher(spool: Spool, broker: Broker) -> Iterator[Publisher]:
    made = publisher_of(spool, broker)
    made.start()
    yield made
    made.stop()


def publisher_of(spool: Spool, broker: Broker) -> Publisher:
    return Publisher(spool, lambda: PlayedProducer(broker), SetClock(NOW), retention_days=60)  # type: ignore[arg-type,return-value]


def record(value: bytes, collected_at: datetime | None = NOW) -> Record:
    return Record(topic="plate-reads", key=b"key", value=value, collected_at=collected_at)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not is_so():
        assert monotonic() < deadline, "it did not come to pass"
        sleep(0.005)


@pytest.mark.usefixtures("publisher")
def test_records_are_published_in_order_and_then_forgotten(spool: Spool, broker: Broker) -> None:
    for number in range(50):
        spool.put([record(b"%d" % number), record(b"%d+" % number)])
    wait_until(lambda: len(broker.taken) == 100 and len(spool) == 0)
    assert broker.contents() == [value for n in range(50) for value in (b"%d" % n, b"%d+" % n)]
    assert {(sent.name, sent.key) for sent in broker.taken} == {("plate-reads", b"key")}


@pytest.mark.usefixtures("publisher")
def test_nothing_is_forgotten_before_it_is_acknowledged(spool: Spool, broker: Broker) -> None:
    broker.is_up = False
    spool.put([record(b"%d" % number) for number in range(10)]).result(WAIT_SECONDS)
    sleep(0.1)
    assert (len(spool), broker.taken) == (10, [])
    broker.is_up = True
    wait_until(lambda: len(spool) == 0)
    assert broker.contents() == [b"%d" % number for number in range(10)]


@pytest.mark.usefixtures("publisher")
def test_a_record_given_back_is_sent_again_by_a_new_producer(
    spool: Spool, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.breaks = 1
    with caplog.at_level(logging.WARNING):
        spool.put([record(b"QXZ8120-%d" % number) for number in range(5)]).result(WAIT_SECONDS)
        wait_until(lambda: len(spool) == 0)
    assert set(broker.contents()) == {b"QXZ8120-%d" % number for number in range(5)}
    assert broker.producers == 2
    assert "UNKNOWN_TOPIC_OR_PART" in caplog.text
    assert "QXZ8120" not in caplog.text


@pytest.mark.usefixtures("publisher")
def test_a_record_the_client_refuses_stays_and_is_tried_again(spool: Spool, broker: Broker) -> None:
    broker.refuses = 1
    spool.put([record(b"1"), record(b"2")]).result(WAIT_SECONDS)
    wait_until(lambda: len(spool) == 0)
    assert broker.contents() == [b"1", b"2"]


@pytest.mark.usefixtures("publisher")
def test_a_full_queue_of_the_producer_loses_nothing(spool: Spool, broker: Broker) -> None:
    broker.is_full = True
    spool.put([record(b"%d" % number) for number in range(100)]).result(WAIT_SECONDS)
    wait_until(lambda: len(spool) == 0)
    assert broker.contents() == [b"%d" % number for number in range(100)]


def test_what_is_in_flight_is_bounded(spool: Spool, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.devices.publisher.MAX_IN_FLIGHT_RECORDS", 30)
    publisher = publisher_of(spool, broker)
    producers: list[PlayedProducer] = []
    original = PlayedProducer.produce
    monkeypatch.setattr(
        PlayedProducer, "produce", lambda self, *a, **k: (producers.append(self), original(self, *a, **k))
    )
    broker.is_up = False
    spool.put([record(b"x")] * 200).result(WAIT_SECONDS)
    publisher.start()
    wait_until(lambda: len(producers) >= 30)
    sleep(0.05)
    assert len(producers[0].waiting) == 30 < MAX_IN_FLIGHT_RECORDS
    broker.is_up = True
    wait_until(lambda: len(spool) == 0)
    publisher.stop()


def test_stopping_leaves_on_disk_what_is_not_acknowledged(spool: Spool, broker: Broker) -> None:
    publisher = publisher_of(spool, broker)
    broker.is_up = False
    spool.put([record(b"1")]).result(WAIT_SECONDS)
    publisher.start()
    publisher.stop()
    assert (len(spool), broker.taken) == (1, [])
    broker.is_up = True
    again = publisher_of(spool, broker)
    again.start()
    wait_until(lambda: len(spool) == 0)
    again.stop()
    assert broker.contents() == [b"1"]


@pytest.mark.rule("retention.sixty-days")
def test_what_became_overdue_on_disk_is_destroyed_not_sent(spool: Spool, broker: Broker) -> None:
    def destroyed() -> float:
        return REGISTRY.get_sample_value("platestream_collector_spool_overdue_total") or 0

    before = destroyed()
    kept = NOW - timedelta(days=59)
    spool.put([record(b"overdue", kept - timedelta(seconds=1)), record(b"due later", kept)]).result(WAIT_SECONDS)
    publisher = publisher_of(spool, broker)
    publisher.start()
    wait_until(lambda: len(spool) == 0)
    publisher.stop()
    assert broker.contents() == [b"due later"]
    assert destroyed() == before + 1


def test_check_tells_when_the_publisher_stands_still(spool: Spool, broker: Broker) -> None:
    publisher = publisher_of(spool, broker)
    with pytest.raises(IntegrityError):
        publisher.check()
    publisher.start()
    publisher.check()
    with pytest.raises(IntegrityError):
        publisher.check(stale_after_seconds=-1)
    publisher.stop()
    with pytest.raises(IntegrityError):
        publisher.check()


def test_the_largest_record_is_that_of_the_pictures_topic() -> None:
    assert largest_record_bytes() == 8 * 1024**2
