"""The publisher with the played producer and with the real one and its broker: the same behaviour."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from platestream.clock import SystemClock
from streams.clients import admin
from streams.devices.publisher import Publisher, largest_record_bytes, spool_producer
from streams.devices.spool import Record, Spool
from streams.topics import create
from tests.played_broker import Broker, PlayedProducer

WAIT_SECONDS = 30


@pytest.fixture(params=["played", "real"])
def make_producer(request: pytest.FixtureRequest, topic: str) -> Callable[[], Producer]:
    if request.param == "played":
        broker = Broker()
        return lambda: PlayedProducer(broker)  # type: ignore[arg-type,return-value]
    kafka = request.getfixturevalue("kafka")
    wanted = NewTopic(topic, 1, 1, config={"max.message.bytes": str(largest_record_bytes())})
    create(admin(kafka), [wanted])
    return lambda: spool_producer(kafka)


@pytest.fixture
def topic() -> str:
    return f"publishing-{uuid4()}"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path, 64 * 1024**2)
    yield opened
    opened.close()


@pytest.fixture
def published(
    spool: Spool, make_producer: Callable[[], Producer], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    """Ids in the order in which the publisher forgets them, which is the order of acknowledgement."""
    forgotten: list[int] = []
    remove = spool.remove
    monkeypatch.setattr(spool, "remove", lambda ids: (forgotten.extend(ids), remove(ids))[1])
    publisher = Publisher(spool, make_producer, SystemClock(), retention_days=60)
    publisher.start()
    yield forgotten
    publisher.stop()


def record(topic: str, value: bytes) -> Record:
    return Record(topic=topic, key=b"key", value=value)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not is_so():
        assert monotonic() < deadline, "it did not come to pass"
        sleep(0.01)


class TestPublishing:
    def test_records_of_one_key_are_acknowledged_in_order_and_forgotten(
        self, spool: Spool, published: list[int], topic: str
    ) -> None:
        for number in range(20):
            spool.put([record(topic, b"%d" % number)] * 10).result(WAIT_SECONDS)
        wait_until(lambda: len(spool) == 0)
        assert published == sorted(published)
        assert len(published) == 200

    def test_a_picture_of_the_largest_size_is_taken(self, spool: Spool, published: list[int], topic: str) -> None:
        spool.put([record(topic, bytes(largest_record_bytes() - 1024))]).result(WAIT_SECONDS)
        wait_until(lambda: len(spool) == 0)
        assert len(published) == 1

    def test_a_record_that_is_refused_stays_on_disk(
        self, spool: Spool, published: list[int], topic: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool.put([record(topic, bytes(largest_record_bytes() + 1))]).result(WAIT_SECONDS)
        wait_until(lambda: "MSG_SIZE_TOO_LARGE" in caplog.text)
        assert (len(spool), published) == (1, [])
