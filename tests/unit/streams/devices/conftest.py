"""A registered reader of each vendor, and messages as it would post them."""

from datetime import UTC, datetime

import pytest

from streams.devices.registry import Device, Devices, new_credential
from streams.devices.simulated import Sighting

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
TOKENS = {vendor: new_credential() for vendor in ("openalpr", "rekor")}


def device_of(vendor: str) -> Device:
    _, line = TOKENS[vendor]
    return Device(
        id=f"{vendor}-1",
        vendor=vendor,
        credential=line.split('"')[1],
        latitude=44.95,
        longitude=-93.09,
        zone="America/Chicago",
    )


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def device() -> Device:
    return device_of("rekor")


@pytest.fixture
def devices() -> Devices:
    return Devices([device_of(vendor) for vendor in TOKENS])


@pytest.fixture
def tokens() -> dict[str, str]:
    """The secret of each vendor's device."""
    return {vendor: token for vendor, (token, _) in TOKENS.items()}


@pytest.fixture
def sighting() -> Sighting:
    return Sighting(plate="QXZ8120", state="MN", at=NOW, uuid="frame-17", confidence=0.91)
