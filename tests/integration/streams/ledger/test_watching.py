"""The watch on the real broker: an order is seen in a moment, and remembered where the broker is away."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platestream.errors import ConfigError, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.suspending import SuspensionLifted, SuspensionOrdered
from streams.ledger.watching import watching_suspensions
from streams.ledger.writing import LedgerWriter
from tests.ledger_topic import new_ledger_topic
from tests.stack import free_port

ORDERED, LIFTED = SuspensionOrdered(document_id="order-1", ordered_by="court"), SuspensionLifted(document_id="order-2")


def until(happens: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.rule("suspension.order")
def test_an_order_is_seen_at_once_and_stands_over_a_restart_without_the_broker(
    kafka: KafkaSettings, codec: Codec, tmp_path: Path
) -> None:
    topic, file = new_ledger_topic(kafka), tmp_path / "suspensions.json"
    writer = LedgerWriter(kafka, codec, topic, 20)

    def write(body: Body) -> None:
        writer.append(new_event(body, at=datetime.now(UTC), actor_id="commander-1", subject_id="order"))

    try:
        with watching_suspensions(kafka, codec, file, topic=topic) as watch:
            watch.wait_ready(30)
            assert not watch.now().is_in_force
            write(ORDERED)
            until(lambda: watch.now().is_in_force, seconds=10)
        away = kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
        with watching_suspensions(away, codec, file, topic=topic) as watch:
            assert watch.now().is_in_force
            with pytest.raises(TransientError, match="could not be followed"):
                watch.wait_ready(0.5)
        write(LIFTED)
        with watching_suspensions(kafka, codec, file, topic=topic) as watch:
            watch.wait_ready(30)
            assert not watch.now().is_in_force
            assert len(watch.now().spans) == 1
    finally:
        writer.close()


def test_a_state_that_cannot_be_read_starts_nothing(kafka: KafkaSettings, codec: Codec, tmp_path: Path) -> None:
    file = tmp_path / "suspensions.json"
    file.write_text('[["yesterday"]]')
    with pytest.raises(ConfigError, match="cannot be read"), watching_suspensions(kafka, codec, file):
        pass
