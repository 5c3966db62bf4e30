"""The container files name what exists: settings, commands, secrets, the Kafka of the embedded stack."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from platestream.cli import typer_app
from platestream.cli.settings import options
from platestream.settings import Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
OPTIONS = {"PLATESTREAM_" + name.replace(".", "__").upper() for name, _, _ in options(Settings)}
ROLES = {name: service for name, service in COMPOSE["services"].items() if "platestream" in str(service.get("image"))}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_variable_is_a_setting(role: str) -> None:
    assert set(ROLES[role]["environment"]) <= OPTIONS


def test_every_command_exists() -> None:
    commands = {command.name for command in typer_app.registered_commands}
    started = {service["command"][0] for service in ROLES.values() if "command" in service}
    assert started == {"collector", "processor", "storage"} <= commands


def test_every_secret_and_volume_is_declared() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        volumes = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(".")}
        assert volumes <= set(COMPOSE["volumes"]), name


def test_every_image_is_pinned_and_no_port_is_open_to_the_network() -> None:
    for name, service in COMPOSE["services"].items():
        assert re.search(r":\d+\.\d+", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_the_image_holds_every_package() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    assert copied == {"platestream", "schemas", "streams", "processors", "sinks", "gateway"}
