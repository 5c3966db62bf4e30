"""Both adapters on invented messages: what is taken, and that nothing else ever is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from schemas.messages import Heartbeat, PictureKind
from streams.devices import simulated
from streams.devices.adapters import ADAPTERS
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.openalpr import MAX_RESULTS
from streams.devices.adapters.seen import Taken
from streams.devices.registry import Device
from streams.devices.scenes import draw_scene
from streams.devices.simulated import FORBIDDEN_VALUES, JsonObject, Sighting
from tests.unit.streams.devices.conftest import NOW, device_of

DEVICE = device_of("rekor")
SIGHTING = Sighting(
    plate="QXZ8120", state="MN", at=NOW, uuid="frame-17", confidence=0.91, scene=draw_scene("QXZ8120", "MN")
)


def take(vendor: str, message: JsonObject) -> Taken:
    return ADAPTERS[vendor](Fields(message), DEVICE, NOW)


GROUPS = [("openalpr", simulated.openalpr_group), ("rekor", simulated.rekor_group), ("rekor", simulated.rekor_alert)]


@pytest.mark.parametrize(("vendor", "build"), GROUPS)
def test_a_group_is_one_read_of_its_best_plate(vendor: str, build: Callable[[Sighting], JsonObject]) -> None:
    [read] = take(vendor, build(SIGHTING)).reads
    assert (read.plate, read.state, read.event_id, read.collected_at) == ("QXZ8120", "MN", "frame-17", NOW)
    assert read.confidence == pytest.approx(0.91)
    assert (read.latitude, read.longitude) == (DEVICE.latitude, DEVICE.longitude)
    assert {one.plate for one in read.candidates} == {"QXZB120", "QXZ8I20", "QXZ81Z0", "QXZ812O"}
    assert [kind for kind, _ in read.pictures] == [PictureKind.PLATE, PictureKind.VEHICLE, PictureKind.SURROUNDINGS]


def test_results_are_one_read_a_plate() -> None:
    others = [Sighting(plate=plate, state=None, at=NOW, uuid="x") for plate in ("ABC123", "unknown")]
    reads = take("openalpr", simulated.openalpr_results([SIGHTING, *others])).reads
    assert [(read.plate, read.event_id) for read in reads] == [("QXZ8120", "frame-17-0"), ("ABC123", "frame-17-1")]


def test_results_may_give_their_time_in_seconds() -> None:
    message = simulated.openalpr_results([SIGHTING]) | {"epoch_time": int(NOW.timestamp())}
    assert take("openalpr", message).reads[0].collected_at == NOW


def test_an_unusable_plate_does_not_lose_the_others_but_alone_is_refused() -> None:
    unusable = Sighting(plate="QXZ/8120", state=None, at=NOW, uuid="x")
    assert len(take("openalpr", simulated.openalpr_results([SIGHTING, unusable])).reads) == 1
    for message in (simulated.openalpr_results([unusable]), simulated.openalpr_group(unusable)):
        with pytest.raises(InvalidMessage) as caught:
            take("openalpr", message)
        assert caught.value.reason == "plate-unusable"


@pytest.mark.parametrize("plate", ["", "-", "unknown"])
def test_a_message_without_a_plate_is_no_read(plate: str) -> None:
    none = Sighting(plate=plate, state=None, at=NOW, uuid="x")
    assert take("openalpr", simulated.openalpr_group(none)) == Taken()
    assert take("openalpr", simulated.openalpr_results([none])) == Taken()
    assert take("rekor", simulated.rekor_group(none)) == Taken()
    assert take("rekor", simulated.rekor_vehicle(SIGHTING)) == Taken()


def test_the_position_of_the_message_is_taken_when_it_is_there() -> None:
    moving = Sighting(plate="ABC123", state="WI", at=NOW, uuid="x", position=(45.01, -92.8))
    for vendor, message in (
        ("openalpr", simulated.openalpr_results([moving])),
        ("openalpr", simulated.openalpr_group(moving)),
        ("rekor", simulated.rekor_group(moving)),
    ):
        [read] = take(vendor, message).reads
        assert (read.latitude, read.longitude) == (45.01, -92.8)


def test_a_group_of_version_one_has_all_in_best_plate() -> None:
    message = {
        "version": 1,
        "data_type": "alpr_group",
        "epoch_start": int(NOW.timestamp() * 1000),
        "uuids": ["cam-1", "cam-2"],
        "best_plate": {"plate": "XYZ789", "confidence": 88, "region": "wi", "candidates": [{"plate": "XYZ78S"}]},
    }
    [read] = take("openalpr", message).reads
    assert (read.plate, read.state, read.confidence, read.event_id) == ("XYZ789", "WI", 0.88, "cam-1")
    assert [one.plate for one in read.candidates] == ["XYZ78S"]


@pytest.mark.parametrize("vendor", ["openalpr", "rekor"])
def test_a_heartbeat_is_kept_without_camera_addresses(vendor: str) -> None:
    heartbeat = take(vendor, simulated.openalpr_heartbeat(NOW, uptime_seconds=77)).heartbeat
    assert isinstance(heartbeat, Heartbeat)
    assert (heartbeat.device_id, heartbeat.sent_at, heartbeat.uptime_seconds) == (DEVICE.id, NOW, 77)
    assert (heartbeat.disk_quota_bytes, heartbeat.disk_used_bytes) == (8_000_000_000, 120_000_000)
    [camera] = heartbeat.cameras
    assert (camera.camera_id, camera.frames_per_second, camera.is_streaming) == ("1000", 24, True)
    assert "rtsp" not in repr(heartbeat)


def test_a_heartbeat_with_a_wrong_clock_is_kept() -> None:
    ahead = NOW + timedelta(days=3)
    heartbeat = take("openalpr", simulated.openalpr_heartbeat(ahead)).heartbeat
    assert heartbeat is not None
    assert heartbeat.sent_at == ahead


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_type": "alpr_video"}, "unknown-kind"),
        ({"data_type": None}, "unknown-kind"),
        ({"epoch_start": None}, "time-missing"),
        ({"epoch_start": "1772712000000"}, "time-missing"),
        ({"epoch_start": 17}, "time-out-of-range"),
        ({"best_uuid": "", "uuids": []}, "event-id-missing"),
        ({"best_uuid": "x" * 501}, "event-id-missing"),
        ({"best_plate_number": "ABC/123"}, "plate-unusable"),
    ],
)
@pytest.mark.parametrize("vendor", ["openalpr", "rekor"])
def test_a_group_that_cannot_be_understood_is_refused(vendor: str, changes: JsonObject, reason: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        take(vendor, simulated.rekor_group(SIGHTING) | changes)
    assert caught.value.reason == reason


def test_a_frame_with_too_many_plates_is_refused() -> None:
    with pytest.raises(InvalidMessage) as caught:
        take("openalpr", simulated.openalpr_results([SIGHTING] * (MAX_RESULTS + 1)))
    assert caught.value.reason == "too-many-plates"


MESSAGES = {
    "openalpr results": ("openalpr", simulated.openalpr_results([SIGHTING])),
    "openalpr group": ("openalpr", simulated.openalpr_group(SIGHTING)),
    "heartbeat": ("openalpr", simulated.openalpr_heartbeat(NOW)),
    "rekor group": ("rekor", simulated.rekor_group(SIGHTING)),
    "rekor alert": ("rekor", simulated.rekor_alert(SIGHTING)),
}
FORBIDDEN_NAMES = ("make", "model", "color", "speed", "direction", "occupants", "seat_belt", "phone", "face", "age")


@pytest.mark.rule("collection.closed")
@pytest.mark.parametrize("name", MESSAGES)
def test_no_forbidden_value_comes_through(name: str) -> None:
    vendor, message = MESSAGES[name]
    kept = everything_in(take(vendor, message))
    assert any(value in json.dumps(message) for value in FORBIDDEN_VALUES) == (name != "openalpr results")
    assert not [value for value in FORBIDDEN_VALUES if value in kept]


@pytest.mark.rule("collection.closed")
@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=settings().max_examples // 4)  # a message has many places to add to
@given(data=st.data())
def test_added_fields_change_nothing_and_appear_nowhere(name: str, data: st.DataObject) -> None:
    vendor, message = MESSAGES[name]
    kept = take(vendor, message)
    fields = Fields(sprinkle(message, data))
    assert ADAPTERS[vendor](fields, DEVICE, NOW) == kept
    assert "JUNK" not in everything_in(kept)
    assert fields.dropped() > 0


def sprinkle(value: Any, data: st.DataObject) -> Any:
    """The same JSON with fields added to its objects, wherever they are."""
    if isinstance(value, list):
        return [sprinkle(item, data) for item in value]
    if not isinstance(value, dict):
        return value
    added = data.draw(
        st.dictionaries(
            st.sampled_from(FORBIDDEN_NAMES) | st.text(min_size=1).map(lambda name: f"x-{name}"),
            st.sampled_from(["JUNK", 17, None, ["JUNK"], {"name": "JUNK", "plate": "JUNK1"}]),
            max_size=2,
        )
    )
    junk_at_the_top = {"x-speed": "JUNK"} if "data_type" in value else {}
    return junk_at_the_top | added | {name: sprinkle(inner, data) for name, inner in value.items()}


def everything_in(taken: Taken) -> str:
    """All that was kept, plates and pictures too, which repr hides."""
    return repr([vars(read) for read in taken.reads]) + repr(taken.heartbeat and vars(taken.heartbeat))


def test_a_resend_is_the_same_read_whenever_it_is_received(device: Device) -> None:
    message = simulated.rekor_group(SIGHTING)
    later = datetime(2026, 3, 6, tzinfo=UTC)
    assert ADAPTERS["rekor"](Fields(message), device, NOW) == ADAPTERS["rekor"](Fields(message), device, later)
