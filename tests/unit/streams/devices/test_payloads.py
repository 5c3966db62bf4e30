"""Real shapes collected from the vendors' documentation. They are not part of the project: skipped when not there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platestream.clock import from_ms
from schemas.codec import Codec
from schemas.messages import PlateRead
from schemas.plates import read_id
from streams.devices.intake import Accepted, Intake
from tests.unit.streams.devices.conftest import device_of

PAYLOADS = Path(__file__).parents[5] / "shared" / "payloads"
GROUPS = {
    "openalpr_group_v1.json": "openalpr",
    "rekor_alpr_group.trim.json": "rekor",
    "rekor_alpr_alert.trim.json": "rekor",
}

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the collected payloads are not beside the project")


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / name).read_text())
    return loaded


def post(codec: Codec, vendor: str, message: dict[str, Any], now: datetime) -> Accepted:
    intake = Intake(codec, max_picture_bytes=1024**2, retention_days=60)
    return intake.take(json.dumps(message).encode(), device_of(vendor), now)


@pytest.mark.parametrize("name", GROUPS)
def test_each_group_gives_the_read_that_is_in_it(codec: Codec, name: str) -> None:
    vendor, message = GROUPS[name], load(name)
    group = message.get("group", message)
    collected_at = from_ms(group["epoch_start"])
    accepted = post(codec, vendor, message, collected_at + timedelta(seconds=2))
    read = codec.decode(accepted.records[0].value)
    assert isinstance(read, PlateRead)
    assert (read.plate, read.collected_at) == (group["best_plate_number"], collected_at)
    assert read.read_id == read_id(device_of(vendor).id, group["best_uuid"])
    assert read.state == group["best_plate"]["region"][-2:].upper()
    assert read.confidence == pytest.approx(group["best_confidence"] / 100)
    if "gps_latitude" in group:
        assert (read.latitude, read.longitude) == (group["gps_latitude"], group["gps_longitude"])
    else:
        assert (read.latitude, read.longitude) == (44.95, -93.09)


@pytest.mark.parametrize("name", [name for name in GROUPS if name.startswith("rekor")])
def test_shortened_pictures_are_refused_and_the_read_goes_on(codec: Codec, name: str) -> None:
    message = load(name)
    now = from_ms(message.get("group", message)["epoch_start"])
    accepted = post(codec, "rekor", message, now)
    assert (len(accepted.read_ids), accepted.pictures) == (1, 0)
    assert accepted.pictures_refused == ("picture-not-base64",) * 3


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize("name", GROUPS)
def test_as_they_are_they_are_overdue_and_not_kept(codec: Codec, name: str) -> None:
    accepted = post(codec, GROUPS[name], load(name), datetime(2026, 3, 5, tzinfo=UTC))
    assert (accepted.outcome, accepted.records) == ("overdue", ())


def test_a_vehicle_without_a_plate_is_no_read(codec: Codec) -> None:
    message = load("rekor_vehicle.trim.json")
    assert post(codec, "rekor", message, from_ms(message["epoch_start"])).outcome == "no-plate"


def test_the_heartbeat_keeps_no_address(codec: Codec) -> None:
    message = load("openalpr_heartbeat.json")
    [record] = post(codec, "openalpr", message, from_ms(message["timestamp"])).records
    [stream] = message["video_streams"]
    assert codec.decode(record.value).cameras[0].camera_id == str(stream["camera_id"])
    assert stream["url"].encode() not in record.value


@pytest.mark.rule("collection.closed")
@pytest.mark.parametrize("name", GROUPS)
def test_what_is_forbidden_is_not_in_the_records(codec: Codec, name: str) -> None:
    message = load(name)
    group = message.get("group", message)
    forbidden = [one["name"] for listed in group.get("vehicle", {}).values() for one in listed if isinstance(one, dict)]
    forbidden += [group[field] for field in ("vehicle_signature", "agent_uid", "company_id") if field in group]
    records = post(codec, GROUPS[name], message, from_ms(group["epoch_start"])).records
    assert not [word for word in forbidden if len(word) > 3 and any(word.encode() in one.value for one in records)]
