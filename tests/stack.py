"""The real broker and registry for tests: started once a session, on free ports, with data in a folder of their own.

    stack         the EmbeddedStack
    kafka         its KafkaSettings, for streams.clients and streams.topics
    broker        host:port of the broker
    registry_url  URL of the registry's Confluent API

Tests share them: take a topic, group or subject of your own, and do not stop what others use.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from platestream.errors import ConfigError
from platestream.settings import KafkaSettings, RegistrySettings, Settings
from streams.embedded.home import hold_home, run_folder
from streams.embedded.ports import REGISTRY_PATH
from streams.embedded.recorded import end_recorded
from streams.embedded.stack import EmbeddedStack


def free_port() -> int:
    """A free port below those the system gives to outgoing connections.

    One of those could be taken by a client that tries to reconnect while its server restarts.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def new_home(tmp_path_factory: pytest.TempPathFactory, name: str = "home") -> Path:
    """A new home for a stack, after ending what killed test runs left in theirs (found by their records)."""
    for lock in tmp_path_factory.getbasetemp().parent.glob("*/stack*/*/run/lock"):
        home = lock.parent.parent
        with suppress(ConfigError), hold_home(home):  # refused while its owner lives
            end_recorded(run_folder(home))
    return tmp_path_factory.mktemp("stack") / name


def stack_settings(home: Path) -> Settings:
    """Settings of a stack on free ports with its data in `home`."""
    return Settings(
        home=home,
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}", controller_port=free_port()),
        registry=RegistrySettings(url=f"http://127.0.0.1:{free_port()}{REGISTRY_PATH}"),
    )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    enable_socket()
    with EmbeddedStack(stack_settings(new_home(tmp_path_factory))) as started:
        yield started


@pytest.fixture(scope="session")
def kafka(stack: EmbeddedStack) -> KafkaSettings:
    return stack.settings.kafka


@pytest.fixture(scope="session")
def broker(stack: EmbeddedStack) -> str:
    return stack.bootstrap_servers


@pytest.fixture(scope="session")
def registry_url(stack: EmbeddedStack) -> str:
    return stack.registry_url
