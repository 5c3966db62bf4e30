"""Where ledgers of a test live: in memory, or on a topic of the embedded broker."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import pytest

from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from schemas.versions import versions
from streams.ledger.kafka import KafkaLedger
from streams.ledger.ledger import Ledger
from streams.ledger.memory import MemoryLedger
from tests.ledger_topic import new_ledger_topic

Seen = tuple[tuple[int, UUID], ...]


def note(state: Seen, offset: int, event: LedgerEvent) -> Seen:
    """A fold that keeps where each event stood."""
    return (*state, (offset, event.event_id))


@dataclass
class Place:
    """Opens ledgers over one log: patient ones, one that waits a second, and one over a log that does not answer."""

    open: Callable[[], Ledger[Seen]]
    open_impatient: Callable[[], Ledger[Seen]]
    open_away: Callable[[], Ledger[Seen]]
    opened: list[Ledger[Any]] = field(default_factory=list)

    def ledger(self, kind: Literal["patient", "impatient", "away"] = "patient") -> Ledger[Seen]:
        open_it = {"patient": self.open, "impatient": self.open_impatient, "away": self.open_away}[kind]
        self.opened.append(open_it())
        return self.opened[-1]


@pytest.fixture
def codec() -> Codec:
    ids = iter(range(101, 1000))
    return Codec({record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()})


@pytest.fixture(params=["memory", "kafka"])
def place(request: pytest.FixtureRequest, codec: Codec) -> Iterator[Place]:
    made = _in_memory(codec) if request.param == "memory" else _on_kafka(codec, request.getfixturevalue("kafka"))
    yield made
    for ledger in made.opened:
        ledger.close()


def _in_memory(codec: Codec) -> Place:
    log: list[bytes] = []

    def away() -> Ledger[Seen]:
        ledger: MemoryLedger[Seen] = MemoryLedger(codec, note, ())
        ledger.is_away = True
        return ledger

    def here() -> Ledger[Seen]:
        return MemoryLedger(codec, note, (), log)

    return Place(here, here, away)


def _on_kafka(codec: Codec, kafka: KafkaSettings) -> Place:
    topic = new_ledger_topic(kafka)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = KafkaSettings(bootstrap_servers=f"127.0.0.1:{taken.getsockname()[1]}")

    def over(servers: KafkaSettings, timeout_seconds: float) -> Ledger[Seen]:
        return KafkaLedger(servers, codec, note, (), topic=topic, timeout_seconds=timeout_seconds)

    return Place(lambda: over(kafka, 20), lambda: over(kafka, 1), lambda: over(nobody, 2))
