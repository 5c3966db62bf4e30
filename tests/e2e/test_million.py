"""A million reads while storage, processor and broker are killed thirty times: each is there once, and as it was sent.

READS= and KILLS= in the environment make it smaller; tests/e2e/test_kills.py kills the collector, too.
"""

import hashlib
import os
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import httpx
import pytest
from confluent_kafka import KafkaError, Message

from bench.plates import PLATE_BYTES, plate
from bench.templates import ReadTemplates
from platestream.clock import to_ms
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES
from sinks.clickhouse.glancing import long_of_six_bytes
from sinks.clickhouse.store import Store
from streams.clients import producer
from tests.pipeline import Pipeline, running_stack
from tests.stack import new_home

READS = int(os.environ.get("READS", "1000000"))
KILLS = int(os.environ.get("KILLS", "30"))
READS_PER_PLATE = 800
KILLED = ("storage", "processor", "broker")
DAYS = 50
TIME_AT = HEADER_BYTES + 1 + PLATE_BYTES
ID_AT = TIME_AT + 6 + 1
MINUTES = 10

pytestmark = [
    pytest.mark.skipif("PLATESTREAM_SOAK" not in os.environ, reason="takes a quarter of an hour; make soak runs it"),
    pytest.mark.timeout(3600),
]

Line = tuple[str, str, int]
"""Plate, read id and time of collection (milliseconds since 1970) of a read."""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_stack(new_home(tmp_path_factory)) as running:
        yield running


def draw(codec: Codec) -> dict[Line, bytes]:
    """All reads, framed."""
    chance, now = random.Random(6), datetime.now(UTC)
    templates, drawn = ReadTemplates(codec, now), {}
    for number in range(READS):
        drawn_plate = plate(number // READS_PER_PLATE)
        at_ms = to_ms(now) - chance.randrange(DAYS * 86_400_000)
        value = templates.read(number, drawn_plate)
        value = value[:TIME_AT] + long_of_six_bytes(at_ms) + value[TIME_AT + 6 :]
        drawn[drawn_plate.decode(), value[ID_AT : ID_AT + 36].decode(), at_ms] = value
    assert len(drawn) == READS
    return drawn


def send(kafka: KafkaSettings, values: Sequence[bytes]) -> None:
    """Until the broker has acknowledged each; what it did not is sent again, by a producer that knows nothing of it."""
    waiting = list(values)
    while waiting:
        failed: list[bytes] = []

        def note(error: KafkaError | None, message: Message, failed: list[bytes] = failed) -> None:
            if error:
                failed.append(message.value() or b"")

        client = producer(kafka, **{"message.timeout.ms": 60_000})
        for value in waiting:
            while True:
                try:
                    client.produce("plate-reads", value, key=value[HEADER_BYTES + 1 : TIME_AT], on_delivery=note)
                    break
                except BufferError:
                    client.poll(0.1)
        assert client.flush(120) == 0
        waiting = failed


def kill(pipeline: Pipeline, name: str) -> None:
    if name == "broker":
        pipeline.stack.kill_broker()
        pipeline.stack.start_broker()
    else:
        pipeline.roles.children[name].kill()
        pipeline.roles.restart(name)


def start_again_what_ended(pipeline: Pipeline) -> None:
    """As a supervisor does for a role whose patience with a broker came to its end. None may crash."""
    for role, child in pipeline.roles.children.items():
        if not child.is_running():
            assert child.return_code is not None
            assert child.return_code > 0, f"{role} crashed: {child.last_words()}"
            pipeline.roles.restart(role)


def digest(lines: Iterable[Line]) -> str:
    return hashlib.sha256("\n".join(map(repr, sorted(lines))).encode()).hexdigest()


def found_by_gateway(pipeline: Pipeline, lines: Iterable[Line]) -> list[Line]:
    """What a person finds who searches for each plate, once there are as many reads as were sent."""
    expected: dict[str, int] = {}
    for sent_plate, _, _ in lines:
        expected[sent_plate] = expected.get(sent_plate, 0) + 1
    found: list[Line] = []
    deadline = time.monotonic() + 60 * MINUTES
    with httpx.Client() as client:
        for wanted, count in expected.items():
            while len(rows := pipeline.search(client, wanted)) < count:
                assert time.monotonic() < deadline, "reads are missing"
                start_again_what_ended(pipeline)
                time.sleep(0.5)
            found += [(row["plate"], row["read_id"], ms(row["collected_at"])) for row in rows]
    return found


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def found_by_count(pipeline: Pipeline) -> list[Line]:
    """All rows of the table once it is merged, in storage's own folder."""
    store = Store(pipeline.settings)
    try:
        store.client().command("OPTIMIZE TABLE reads FINAL")
        [[count]] = store.client().query("SELECT count() FROM reads").result_rows
        assert count == READS
        rows = store.client().query("SELECT plate, toString(read_id), toUnixTimestamp64Milli(collected_at) FROM reads")
        return [(found_plate, read_id, at_ms) for found_plate, read_id, at_ms in rows.result_rows]
    finally:
        store.close()


def test_every_read_is_there_once_and_as_it_was_sent(pipeline: Pipeline) -> None:
    drawn = draw(pipeline.codec)
    values, order = list(drawn.values()), [KILLED[number % len(KILLED)] for number in range(KILLS)]
    random.shuffle(values)
    random.shuffle(order)
    pipeline.add_reader("gantry-1", "openalpr", (44.95, -93.09))  # the collector does not start without one
    pipeline.roles.start()
    for number, name in enumerate(order):
        sender = threading.Thread(target=send, args=(pipeline.settings.kafka, values[number::KILLS]))
        sender.start()
        time.sleep(random.uniform(0.1, 3.0))
        kill(pipeline, name)
        sender.join()
        start_again_what_ended(pipeline)
    sent = digest(drawn)
    assert digest(found_by_gateway(pipeline, drawn)) == sent
    assert pipeline.roles.stop() == []
    assert digest(found_by_count(pipeline)) == sent
