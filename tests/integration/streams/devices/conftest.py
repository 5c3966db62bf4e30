"""A collector as a process of its own, and a look at what reached the broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest

from platestream.settings import CollectorSettings, KafkaSettings, RegistrySettings, Settings
from schemas.codec import Codec
from streams.clients import consumer
from streams.devices.registry import new_credential
from streams.embedded.stack import EmbeddedStack
from streams.registry import load_codec, register_schemas
from streams.topics import create_topics
from tests.stack import free_port

START_SECONDS = 30
_RUN = "from platestream.cli import app; app()"


@dataclass(frozen=True)
class Site:
    """One collector's home with one registered reader."""

    settings: Settings
    codec: Codec
    device_id: str
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.collector.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def start(self) -> "subprocess.Popen[str]":
        settings = self.settings
        environment = os.environ | {
            "PLATESTREAM_HOME": str(settings.home),
            "PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "PLATESTREAM_REGISTRY__URL": settings.registry.url,
            "PLATESTREAM_COLLECTOR__PORT": str(settings.collector.port),
            "PLATESTREAM_COLLECTOR__PROBE_PORT": str(settings.collector.probe_port),
        }
        command = [sys.executable, "-c", _RUN, "collector"]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[str]"]:
        """Started and answering; ended at the latest with the test."""
        process = self.start()
        try:
            wait_until(lambda: self._answers(process))
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _answers(self, process: "subprocess.Popen[str]") -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            return httpx.get(self.url).is_success
        except httpx.TransportError:
            return False

    def spool_bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in (self.settings.home / "spool").iterdir())


@contextmanager
def opened_site(home: Path, kafka: KafkaSettings, registry: RegistrySettings) -> Iterator[Site]:
    """A home whose one reader has an id nobody else has, so that its records can be told from others'."""
    collector = CollectorSettings(port=free_port(), probe_port=free_port())
    settings = Settings(home=home, kafka=kafka, registry=registry, collector=collector)
    create_topics(kafka)
    register_schemas(registry.url)
    device_id, (token, line) = f"reader-{uuid4()}", new_credential()
    settings.path(collector.devices_file).write_text(
        f'[[device]]\nid = "{device_id}"\nvendor = "rekor"\n{line}\n'
        'latitude = 44.95\nlongitude = -93.09\nzone = "America/Chicago"\n'
    )
    yield Site(settings, load_codec(settings), device_id, token)


@pytest.fixture
def site(stack: EmbeddedStack, tmp_path: Path) -> Iterator[Site]:
    with opened_site(tmp_path, stack.settings.kafka, stack.settings.registry) as opened:
        yield opened


def wait_until(is_so: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline, "it did not come to pass"
        sleep(0.02)


def end(process: "subprocess.Popen[str]", sent: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Exit code, and what it logged."""
    process.send_signal(sent)
    _, logged = process.communicate(timeout=START_SECONDS)
    return process.returncode, logged


def collect(site: Site, topic: str, wanted: set[str], identity: Callable[[object], str]) -> list[tuple[bytes, object]]:
    """Keys and messages of this site's reader on a topic, once all `wanted` identities were seen or time is up."""
    reading = consumer(site.settings.kafka, f"test-{uuid4()}")
    reading.subscribe([topic])
    found: list[tuple[bytes, object]] = []
    seen: set[str] = set()
    deadline = monotonic() + START_SECONDS
    try:
        while not wanted <= seen and monotonic() < deadline:
            for message in reading.consume(1000, timeout=0.2):
                if not message.error():
                    decoded = site.codec.decode(message.value())
                    found.append((message.key(), decoded))
                    seen.add(identity(decoded))
    finally:
        reading.close()
    return found
