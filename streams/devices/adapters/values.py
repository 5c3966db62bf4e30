"""One meaning for values that each vendor writes in its own way: plate, confidence, state, position (step 1)."""

import re

from platestream.errors import InvalidMessage
from schemas.messages import Candidate
from schemas.plates import normalise_plate
from streams.devices.adapters.fields import Fields
from streams.devices.registry import Device

MAX_CANDIDATES = 20

_NO_PLATE = {"", "-", "unknown"}
_STATE = re.compile(r"(?:us-)?([a-z]{2})", re.IGNORECASE | re.ASCII)
_HOME_COUNTRIES = {"us", "usa", "na"}


def plate_of(value: object) -> str | None:
    """The plate, upper case and without separators; None for what readers send when there is none.

    Raises InvalidMessage when it is there but cannot be a plate.
    """
    if not isinstance(value, str) or value.strip().lower() in _NO_PLATE:
        return None
    try:
        return normalise_plate(value)
    except InvalidMessage as error:
        if error.reason == "plate-missing":
            return None
        raise


def confidence_of(percent: float | None) -> float | None:
    """0..1 from 0..100; None when it is absent or outside that range, for then it says nothing."""
    return percent / 100 if percent is not None and 0 <= percent <= 100 else None


def state_of(region: str | None, country: str | None = None) -> str | None:
    """Two upper-case letters from "mn" or "us-mn"; None for another country's region or anything else."""
    found = _STATE.fullmatch(region or "")
    if not found or not region:
        return None
    is_prefixed = len(region) > 2
    if not is_prefixed and (country or "us").lower() not in _HOME_COUNTRIES:
        return None
    state = found[1].upper()
    return None if state == "US" else state


def position_of(latitude: float | None, longitude: float | None, device: Device) -> tuple[float, float]:
    """Degrees as sent, or the device's own when they are absent, out of range, or a placeholder (0 or -1, -1)."""
    if latitude and longitude and (latitude, longitude) != (-1, -1) and abs(latitude) <= 90 and abs(longitude) <= 180:
        return latitude, longitude
    return device.latitude, device.longitude


def candidates_of(listed: list[Fields], plate: str) -> tuple[Candidate, ...]:
    """Other plates the OCR considered, in the reader's order, each once; unusable ones are passed over."""
    found: dict[str, Candidate] = {}
    for one in listed:
        other, confidence = _usable_plate(one.get("plate")), confidence_of(one.number("confidence"))
        if other and other != plate and len(found) < MAX_CANDIDATES:
            found.setdefault(other, Candidate(plate=other, confidence=confidence))
    return tuple(found.values())


def _usable_plate(value: object) -> str | None:
    try:
        return plate_of(value)
    except InvalidMessage:
        return None
