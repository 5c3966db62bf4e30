"""The pipeline for end-to-end tests: its own broker, registry, engine and roles, on free ports in a fresh home."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import TopicPartition

from gateway.access.tokens import issue_token
from platestream.cli.device import add_device
from platestream.cli.running.preparation import ANALYST, prepare_analyst, prepare_keys
from platestream.cli.running.roles import Roles
from platestream.clock import SystemClock
from platestream.settings import (
    CollectorSettings,
    GatewaySettings,
    ProcessorSettings,
    RetentionSettings,
    Settings,
    StorageSettings,
)
from schemas.codec import Codec
from schemas.messages import HotlistEntry, LawfulSource, MatchKind
from streams.clients import consumer
from streams.embedded.stack import EmbeddedStack
from streams.registry import load_codec, register_schemas
from streams.topics import create_topics
from tests.stack import free_port, stack_settings

LONG = timedelta(days=3650)


@dataclass(frozen=True)
class Pipeline:
    """A running pipeline and the ways a test reaches it."""

    settings: Settings
    codec: Codec
    roles: Roles
    stack: EmbeddedStack

    def add_reader(self, id_: str, vendor: str, place: tuple[float, float]) -> str:
        """Put a reader into the registry; its credential. Before the collector starts."""
        return add_device(self.settings, id_, vendor, place, "America/Chicago")

    @property
    def collector_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.collector.port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.gateway.port}"

    def search(self, client: httpx.Client, plate: str) -> list[dict[str, Any]]:
        """All reads of a plate, through the gateway's door."""
        now = datetime.now(UTC)
        body = {
            "plate": plate,
            "collected_from": (now - timedelta(days=59)).isoformat(),
            "collected_until": (now + timedelta(days=1)).isoformat(),
            "case_number": "26-000042",
            "offence_category": "stolen-vehicle",
            "offence": "theft of a motor vehicle",
            "reason": "Locate the stolen car of the complainant",
            "factual_basis": "The owner reported it stolen from a ramp with the keys inside",
        }
        token = issue_token(self.settings, ANALYST, timedelta(hours=1), SystemClock())
        answer = client.post(
            f"{self.gateway_url}/v1/searches", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        assert not answer.json()["is_truncated"]
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def records(self, topic: str) -> list[tuple[bytes | None, bytes | None]]:
        """Key and value of every record of a topic, decompressed."""
        reader = consumer(self.settings.kafka, f"test-{topic}", **{"enable.partition.eof": True})
        found: list[tuple[bytes | None, bytes | None]] = []
        try:
            partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
            reader.assign([TopicPartition(topic, number, 0) for number in partitions])
            ended: set[int] = set()
            while len(ended) < len(partitions):
                message = reader.poll(10)
                assert message is not None, f"{topic} did not come to its end"
                if message.error():
                    ended.add(message.partition())
                else:
                    found.append((message.key(), message.value()))
        finally:
            reader.close()
        return found


@contextmanager
def running_stack(home: Path, settings: Settings | None = None) -> Iterator[Pipeline]:
    """Broker and registry run, topics and keys are there, the analyst may search; the roles are not started yet."""
    settings = settings or fresh_settings(home)
    with _as_outside_tests(), EmbeddedStack(settings) as stack:
        create_topics(settings.kafka)
        register_schemas(settings.registry.url)
        codec = load_codec(settings)
        prepare_keys(settings)
        prepare_analyst(settings, codec, SystemClock())
        roles = Roles(settings)
        try:
            yield Pipeline(settings, codec, roles, stack)
        finally:
            roles.stop()


@contextmanager
def _as_outside_tests() -> Iterator[None]:
    """The roles refuse a variable that is no setting, and `make soak` sets one for the tests."""
    soak = os.environ.pop("PLATESTREAM_SOAK", None)
    try:
        yield
    finally:
        if soak is not None:
            os.environ["PLATESTREAM_SOAK"] = soak


def fresh_settings(home: Path) -> Settings:
    """Settings with every port free."""
    servers = stack_settings(home)
    return Settings(
        home=home,
        kafka=servers.kafka,
        registry=servers.registry,
        collector=CollectorSettings(port=free_port(), probe_port=free_port()),
        processor=ProcessorSettings(probe_port=free_port(), session_timeout_seconds=6),
        storage=StorageSettings(probe_port=free_port()),
        retention=RetentionSettings(sweep_seconds=10),
        gateway=GatewaySettings(port=free_port(), tracking_searches=10_000),  # tests look again until it is there
    )


def entry(plate: str, state: str | None = None, match_kind: MatchKind = MatchKind.FOLDED) -> HotlistEntry:
    """A lawful entry in force now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return HotlistEntry(
        plate=plate,
        match_kind=match_kind,
        entry_id=f"test:{plate}:{state}",
        state=state,
        source="test",
        lawful_source=LawfulSource.STATE_FILE,
        category="STOLEN_VEHICLE",
        priority=2,
        effective_at=now - LONG,
        expires_at=now + LONG,
        extracted_at=now,
    )
