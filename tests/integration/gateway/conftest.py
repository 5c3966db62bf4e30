"""The gateway on the real ledger and the real engine, served over a socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from gateway.access.tokens import issue_token
from gateway.app import create_gateway
from gateway.keeping import open_keeping
from gateway.searches.stored import ClickHouseReads
from gateway.serving import listen, serve_gateway
from platestream.clock import SystemClock
from platestream.settings import GatewaySettings, KafkaSettings, Settings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from sinks.clickhouse.store import Store
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from streams.ledger.kafka import KafkaLedger
from streams.ledger.sealing import new_private_key
from streams.registry import register_schemas
from streams.suppressions.following import SuppressionFollower
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import load_suppression_key, new_suppression_key
from streams.suppressions.writing import SuppressionKeeper
from tests.asking import ANALYST, found_read, keep_reads, make_keys
from tests.ledger_topic import new_ledger_topic, new_topic


@dataclass
class Served:
    """A gateway over HTTP and what stands behind it."""

    client: httpx.Client
    settings: Settings
    ledger: KafkaLedger[AccessState]
    store: Store
    topic: str
    codec: Codec
    clock: SystemClock

    def token(self, person_id: str = ANALYST) -> dict[str, str]:
        token = issue_token(self.settings, person_id, timedelta(hours=1), self.clock)
        return {"Authorization": f"Bearer {token}"}

    def search(self, body: Any, person_id: str = ANALYST) -> httpx.Response:
        return self.client.post("/v1/searches", json=body, headers=self.token(person_id))

    def post(self, path: str, body: Any, person_id: str = ANALYST) -> httpx.Response:
        token = issue_token(self.settings, person_id, timedelta(hours=1), self.clock)
        return self.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})

    def keep(self, plate: str, collected_at: datetime) -> str:
        """Store a read and give its id."""
        read = found_read(plate, collected_at)
        keep_reads(self.store, [read])
        return str(read.read_id)

    def events(self) -> list[LedgerEvent]:
        """What the topic holds, read by a ledger of its own."""
        fold = KafkaLedger(self.settings.kafka, self.codec, _collect, (), topic=self.topic, timeout_seconds=20)
        try:
            return list(fold.replay_all())
        finally:
            fold.close()


def _collect(events: tuple[LedgerEvent, ...], offset: int, event: LedgerEvent) -> tuple[LedgerEvent, ...]:
    return (*events, event)


@contextmanager
def serve(settings: Settings, store: Store, codec: Codec, timeout_seconds: float) -> Iterator[Served]:
    """A gateway with keys and a ledger topic of its own."""
    make_keys(settings)
    topic = new_ledger_topic(settings.kafka)
    ledger = KafkaLedger(
        settings.kafka, codec, fold_access, AccessState(), topic=topic, timeout_seconds=timeout_seconds
    )
    reads = ClickHouseReads(store, settings.gateway)
    holds = KafkaLedger(settings.kafka, codec, fold_holds, HoldsState(), topic=topic, timeout_seconds=timeout_seconds)
    new_private_key(settings.path(settings.storage.holds_key_file))
    new_suppression_key(settings.path(settings.suppressions.key_file))
    plates = SuppressedPlates(codec, load_suppression_key(settings), SystemClock())
    pictures = PictureStore(settings)
    listed = new_topic(settings.kafka, "suppressions")
    suppressions = SuppressionKeeper(settings.kafka, codec, load_suppression_key(settings), SystemClock(), listed)
    following = SuppressionFollower(settings.kafka, plates, listed)
    keeping = open_keeping(
        settings,
        store,
        clock=SystemClock(),
        holds=holds,
        pictures=pictures,
        suppressions=suppressions,
        plates=plates,
        topic=topic,
    )
    app = create_gateway(settings, reads, ledger, SystemClock(), keeping)
    stop, listening = threading.Event(), listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    serving = threading.Thread(
        target=serve_gateway, args=(app, listening, stop), kwargs={"each_turn": ledger.check_sound}
    )
    serving.start()
    try:
        with httpx.Client(base_url=url, timeout=60) as client:
            yield Served(client, settings, ledger, store, topic, codec, SystemClock())
    finally:
        stop.set()
        serving.join(20)
        reads.close()
        holds.close()
        following.close()
        suppressions.close()
        ledger.close()
    assert not serving.is_alive()


@pytest.fixture
def served(kafka: KafkaSettings, registry_url: str, store: Store, tmp_path: Path) -> Iterator[Served]:
    settings = Settings(home=tmp_path / "gateway", kafka=kafka, gateway=GatewaySettings(tracking_searches=100))
    with serve(settings, store, Codec(register_schemas(registry_url)), timeout_seconds=20) as running:
        yield running


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
