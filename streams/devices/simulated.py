"""Messages as simulated readers post them, for the demo fleet and for tests.

They carry what real ones carry and what must not be kept (make, model, colour, direction, camera addresses): the
closed list is exercised wherever they are used. The same arguments give the same message.
"""

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platestream.clock import to_ms
from streams.devices.scenes import Scene

JsonObject = dict[str, Any]

FORBIDDEN_VALUES = (
    "chevrolet_silverado-1500",
    "chevrolet",
    "metallic-burgundy",
    "truck-extended-cab",
    "north-north-west",
    "signature-of-a-vehicle",
    "rtsp://reader:secret",
)
"""What is junk in each message below; none may be found behind the collector."""

_MAKE_MODEL, _MAKE, _COLOUR, _BODY, _DIRECTION, _SIGNATURE, _ADDRESS = FORBIDDEN_VALUES


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One plate passing one reader. `uuid` is the reader's own event id, `confidence` 0..1, `at` aware.

    `position` is latitude and longitude in degrees of a reader with GPS, None for one without.
    """

    plate: str = field(repr=False)
    state: str | None
    at: datetime
    uuid: str
    confidence: float = 0.92
    position: tuple[float, float] | None = None
    scene: Scene | None = field(default=None, repr=False)


def openalpr_results(sightings: Sequence[Sighting]) -> JsonObject:
    """`alpr_results`: all plates of one frame. Time, uuid and position are those of the first."""
    first = sightings[0]
    return {
        "version": 2,
        "data_type": "alpr_results",
        "uuid": first.uuid,
        "camera_id": 1000,
        "site_id": "simulated",
        "epoch_time": to_ms(first.at),
        "processing_time_ms": 41.5,
        "img_width": 1280,
        "img_height": 720,
        "regions_of_interest": [{"x": 0, "y": 0, "width": 1280, "height": 720}],
        "results": [_openalpr_plate(one) for one in sightings],
    } | _position(first)


def openalpr_group(sighting: Sighting) -> JsonObject:
    """`alpr_group`, version 2: one car, with pictures when the sighting has a scene."""
    return (
        {
            "version": 2,
            "data_type": "alpr_group",
            "epoch_start": to_ms(sighting.at),
            "epoch_end": to_ms(sighting.at) + 900,
            "camera_id": 1000,
            "site_id": "simulated",
            "uuids": [sighting.uuid],
            "best_plate": _openalpr_plate(sighting) | _plate_crop(sighting),
            "best_uuid": sighting.uuid,
            "best_plate_number": sighting.plate,
            "best_confidence": sighting.confidence * 100,
            "best_region": (sighting.state or "").lower(),
            "travel_direction": 296.5,
            "vehicle": _vehicle(),
        }
        | _position(sighting)
        | _other_pictures(sighting)
    )


def openalpr_heartbeat(at: datetime, uptime_seconds: int = 3600) -> JsonObject:
    """`heartbeat` of an agent with one camera, whose address holds a password."""
    stream = {"camera_id": 1000, "fps": 24, "is_streaming": True, "url": f"{_ADDRESS}@192.0.2.7/stream"}
    return {
        "version": 1,
        "data_type": "heartbeat",
        "site_id": "simulated",
        "timestamp": to_ms(at),
        "system_uptime_seconds": uptime_seconds + 60,
        "daemon_uptime_seconds": uptime_seconds,
        "internal_ip_address": "192.0.2.7",
        "cpu_usage_percent": 18.5,
        "disk_quota_total_bytes": 8_000_000_000,
        "disk_quota_consumed_bytes": 120_000_000,
        "video_streams": [stream],
    }


def rekor_group(sighting: Sighting) -> JsonObject:
    """`alpr_group`, version 3: one car, with pictures when the sighting has a scene."""
    region = f"us-{sighting.state.lower()}" if sighting.state else ""
    return (
        {
            "version": 3,
            "data_type": "alpr_group",
            "epoch_start": to_ms(sighting.at),
            "epoch_end": to_ms(sighting.at) + 3000,
            "agent_uid": "SIMULATED",
            "agent_version": "4.1.1",
            "camera_id": 1000,
            "country": "us",
            "uuids": [sighting.uuid],
            "vehicle_path": [{"x": 204, "y": 130, "w": 739, "h": 454, "t": -48, "f": -1}],
            "candidates": _candidates(sighting),
            "best_plate": _openalpr_plate(sighting)
            | {"region": region, "vehicle_detected": True}
            | _plate_crop(sighting),
            "best_uuid": sighting.uuid,
            "best_plate_number": sighting.plate,
            "best_confidence": sighting.confidence * 100,
            "best_region": region,
            "best_region_confidence": 84.1,
            "travel_direction": 296.5,
            "is_parked": False,
            "is_preview": False,
            "vehicle_signature": _SIGNATURE,
            "vehicle": _vehicle(),
            "web_server_config": {"camera_label": "simulated", "agent_label": "simulated"},
        }
        | _position(sighting)
        | _other_pictures(sighting)
    )


def rekor_alert(sighting: Sighting) -> JsonObject:
    """`alpr_alert`: the vendor's own list hit, around a group."""
    return {
        "version": 1,
        "data_type": "alpr_alert",
        "epoch_time": to_ms(sighting.at),
        "agent_uid": "SIMULATED",
        "alert_list": "simulated list",
        "plate_number": sighting.plate,
        "description": "simulated",
        "list_type": "alert",
        "group": rekor_group(sighting),
    }


def rekor_vehicle(sighting: Sighting) -> JsonObject:
    """`vehicle`: a car whose plate was not seen; the sighting's plate is not in it."""
    group = rekor_group(sighting)
    plate_fields = {"best_plate", "best_plate_number", "best_confidence", "best_region", "candidates"}
    return {name: value for name, value in group.items() if name not in plate_fields} | {"data_type": "vehicle"}


def _openalpr_plate(sighting: Sighting) -> JsonObject:
    return {
        "plate": sighting.plate,
        "confidence": sighting.confidence * 100,
        "matches_template": 0,
        "plate_index": 0,
        "region": (sighting.state or "").lower(),
        "region_confidence": 80,
        "processing_time_ms": 5.9,
        "coordinates": [{"x": 601, "y": 294}, {"x": 680, "y": 294}, {"x": 680, "y": 330}, {"x": 601, "y": 330}],
        "candidates": _candidates(sighting),
    }


def _candidates(sighting: Sighting) -> list[JsonObject]:
    """The plate itself and what an OCR would take it for: look-alikes of single characters."""
    chance = random.Random(sighting.uuid)
    found = [{"plate": sighting.plate, "confidence": sighting.confidence * 100, "matches_template": 0}]
    for character, other in (("0", "O"), ("8", "B"), ("1", "I"), ("5", "S"), ("2", "Z"), ("7", "3")):
        if character in sighting.plate:
            confidence = sighting.confidence * chance.uniform(70, 95)
            look_alike = sighting.plate.replace(character, other, 1)
            found.append({"plate": look_alike, "confidence": confidence, "matches_template": 0})
    return found


def _vehicle() -> JsonObject:
    return {
        "make": [{"name": _MAKE, "confidence": 99.1}],
        "make_model": [{"name": _MAKE_MODEL, "confidence": 97.3}],
        "color": [{"name": _COLOUR, "confidence": 88.0}],
        "body_type": [{"name": _BODY, "confidence": 93.2}],
        "orientation": [{"name": _DIRECTION, "confidence": 99.8}],
        "year": [{"name": "2010-2014", "confidence": 90.3}],
    }


def _position(sighting: Sighting) -> JsonObject:
    """A reader without GPS sends zeros."""
    latitude, longitude = sighting.position or (0, 0)
    return {"gps_latitude": latitude, "gps_longitude": longitude}


def _plate_crop(sighting: Sighting) -> JsonObject:
    return {"plate_crop_jpeg": _base64(sighting.scene.plate)} if sighting.scene else {}


def _other_pictures(sighting: Sighting) -> JsonObject:
    if not sighting.scene:
        return {}
    return {
        "vehicle_crop_jpeg": _base64(sighting.scene.vehicle),
        "overview_jpeg": _base64(sighting.scene.surroundings),
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
