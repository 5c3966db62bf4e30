"""Broker and registry of one bench: the project's own embedded stack on free ports, its data in a temporary folder."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platestream.settings import KafkaSettings, ProcessorSettings, RegistrySettings, Settings
from schemas.codec import Codec
from streams.embedded.ports import REGISTRY_PATH
from streams.embedded.stack import EmbeddedStack
from streams.registry import load_codec, register_schemas
from streams.suppressions.secrecy import new_suppression_key
from streams.topics import create_topics


@dataclass(frozen=True, kw_only=True)
class BenchBroker:
    """A running broker with the project's topics and schemas. `folder` is removed with it."""

    settings: Settings
    codec: Codec
    folder: Path

    @property
    def kafka(self) -> KafkaSettings:
        return self.settings.kafka


@contextmanager
def bench_broker(read_partitions: int = 1, session_timeout_seconds: int = 10) -> Iterator[BenchBroker]:
    """Start, make topics, schemas and key; everything is gone after the block. Raises ConfigError as EmbeddedStack."""
    with tempfile.TemporaryDirectory(prefix="platestream-bench-", ignore_cleanup_errors=True) as folder:
        settings = _settings(Path(folder) / "home", read_partitions, session_timeout_seconds)
        with EmbeddedStack(settings):
            create_topics(settings.kafka)
            register_schemas(settings.registry.url)
            new_suppression_key(settings.path(settings.suppressions.key_file))
            yield BenchBroker(settings=settings, codec=load_codec(settings), folder=Path(folder))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _settings(home: Path, read_partitions: int, session_timeout_seconds: int) -> Settings:
    broker, controller, registry, probe = free_ports(4)
    return Settings(
        home=home,
        log_level="WARNING",
        kafka=KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{broker}", controller_port=controller, read_partitions=read_partitions
        ),
        registry=RegistrySettings(url=f"http://127.0.0.1:{registry}{REGISTRY_PATH}"),
        processor=ProcessorSettings(probe_port=probe, session_timeout_seconds=session_timeout_seconds),
    )
