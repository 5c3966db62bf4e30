import hashlib
import json
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.messages import Picture, PlateRead
from schemas.plates import fold, read_id
from streams.devices import simulated
from streams.devices.intake import Accepted, Intake, NotJson
from streams.devices.registry import Device
from streams.devices.scenes import draw_scene
from streams.devices.simulated import JsonObject, Sighting
from streams.ledger.suspending import NEVER_SUSPENDED, SuspendedSpan, Suspensions

DAYS = 60


@pytest.fixture
def intake(codec: Codec) -> Intake:
    return Intake(codec, max_picture_bytes=1024 * 1024, retention_days=DAYS)


def take(intake: Intake, message: JsonObject, device: Device, now: datetime) -> Accepted:
    return intake.take(json.dumps(message).encode(), device, now)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def with_pictures(sighting: Sighting) -> Sighting:
    return Sighting(**vars(sighting) | {"scene": draw_scene(sighting.plate, sighting.state)})


def test_a_read_becomes_a_record_and_each_picture_another(
    intake: Intake, codec: Codec, sighting: Sighting, device: Device, now: datetime
) -> None:
    accepted = take(intake, simulated.rekor_group(with_pictures(sighting)), device, now)
    assert [(record.topic, record.collected_at) for record in accepted.records] == [
        ("plate-reads", now),
        *[("plate-pictures", now)] * 3,
    ]
    read, *pictures = [codec.decode(record.value) for record in accepted.records]
    assert isinstance(read, PlateRead)
    assert (read.plate, read.device_id, read.received_at) == ("QXZ8120", device.id, now)
    assert read.read_id == read_id(device.id, "frame-17")
    assert accepted.read_ids == (str(read.read_id),)
    assert accepted.outcome == "accepted"
    for picture, reference in zip(pictures, read.pictures, strict=True):
        assert isinstance(picture, Picture)
        assert (picture.kind, picture.sha256, picture.read_id) == (reference.kind, reference.sha256, read.read_id)
        assert hashlib.sha256(picture.content).digest() == picture.sha256


def test_keys_are_folded_plate_read_id_and_device_id(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    accepted = take(intake, simulated.rekor_group(with_pictures(sighting)), device, now)
    assert accepted.records[0].key == fold("QXZ8120").encode() == b"QXZ8120"
    assert {record.key for record in accepted.records[1:]} == {accepted.read_ids[0].encode()}
    [heartbeat] = take(intake, simulated.openalpr_heartbeat(now), device, now).records
    assert (heartbeat.topic, heartbeat.key, heartbeat.collected_at) == ("device-health", device.id.encode(), None)


def test_look_alikes_of_one_car_share_a_key(intake: Intake, device: Device, now: datetime) -> None:
    keys = set()
    for plate in ("IOU100", "10U1OO"):
        sighting = Sighting(plate=plate, state="MN", at=now, uuid=plate)
        keys.add(take(intake, simulated.rekor_group(sighting), device, now).records[0].key)
    assert keys == {b"10U100"}


def test_a_resend_gives_the_same_read_and_pictures(
    intake: Intake, codec: Codec, sighting: Sighting, device: Device, now: datetime
) -> None:
    message = simulated.rekor_group(with_pictures(sighting))
    first, second = (take(intake, message, device, now + timedelta(hours=h)) for h in (0, 3))
    assert first.read_ids == second.read_ids
    assert [record.value for record in first.records[1:]] == [record.value for record in second.records[1:]]
    reads = [codec.decode(accepted.records[0].value) for accepted in (first, second)]
    assert reads[0].pictures == reads[1].pictures


def test_an_alert_and_its_group_are_the_same_read(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    built = (simulated.rekor_group(sighting), simulated.rekor_alert(sighting))
    group, alert = (take(intake, message, device, now) for message in built)
    assert group.records == alert.records


def test_the_same_event_id_of_two_readers_is_two_reads(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    other = device.model_copy(update={"id": "rekor-2"})
    message = simulated.rekor_group(sighting)
    assert take(intake, message, device, now).read_ids != take(intake, message, other, now).read_ids


def test_a_bad_picture_does_not_lose_the_read(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    before = counted("platestream_collector_refused_pictures_total", reason="picture-not-base64")
    message = simulated.rekor_group(with_pictures(sighting)) | {"overview_jpeg": "/9j/4AAQ...(43396 chars)"}
    accepted = take(intake, message, device, now)
    assert (len(accepted.read_ids), accepted.pictures) == (1, 2)
    assert accepted.pictures_refused == ("picture-not-base64",)
    assert counted("platestream_collector_refused_pictures_total", reason="picture-not-base64") == before + 1


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize(("age", "is_kept"), [(timedelta(days=60), False), (timedelta(days=59, hours=11), True)])
def test_a_read_past_its_destruction_date_becomes_no_record(
    intake: Intake, sighting: Sighting, device: Device, now: datetime, age: timedelta, *, is_kept: bool
) -> None:
    accepted = take(intake, simulated.rekor_group(with_pictures(sighting)), device, now + age)
    assert bool(accepted.records) == bool(accepted.read_ids) == is_kept
    assert accepted.overdue == (0 if is_kept else 1)
    assert accepted.outcome == ("accepted" if is_kept else "overdue")


def test_a_read_from_the_future_is_refused(intake: Intake, sighting: Sighting, device: Device, now: datetime) -> None:
    for ahead, reason in ((timedelta(minutes=10), "clock-ahead"), (timedelta(hours=6), "zone-error")):
        with pytest.raises(InvalidMessage) as caught:
            take(intake, simulated.rekor_group(sighting), device, now - ahead)
        assert caught.value.reason == reason


def test_messages_without_a_read_have_their_own_outcome(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    assert take(intake, simulated.rekor_vehicle(sighting), device, now).outcome == "no-plate"
    assert take(intake, simulated.openalpr_heartbeat(now), device, now).outcome == "heartbeat"


@pytest.mark.rule("collection.closed")
def test_nothing_forbidden_is_in_what_goes_to_disk(
    intake: Intake, sighting: Sighting, device: Device, now: datetime
) -> None:
    before = counted("platestream_collector_dropped_fields_total")
    for message in (simulated.rekor_alert(with_pictures(sighting)), simulated.openalpr_heartbeat(now)):
        for record in take(intake, message, device, now).records:
            assert not [value for value in simulated.FORBIDDEN_VALUES if value.encode() in record.value]
    assert counted("platestream_collector_dropped_fields_total") > before + 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": "\xc3\x28"}',
        b'{"a": "\\ud800"}',
        b"1" * 10_000,
        b"{} {}",
    ],
    ids=lambda body: str(body[:12]),
)
def test_what_is_not_json_is_refused(intake: Intake, device: Device, now: datetime, body: bytes) -> None:
    with pytest.raises(NotJson):
        intake.take(body, device, now)


def test_a_byte_order_mark_is_passed_over(intake: Intake, sighting: Sighting, device: Device, now: datetime) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(simulated.rekor_group(sighting)).encode()
    assert intake.take(body, device, now).outcome == "accepted"


@pytest.mark.rule("suspension.order")
def test_nothing_is_kept_while_use_is_suspended_nor_later_of_that_time_and_health_goes_on(
    codec: Codec, sighting: Sighting, device: Device, now: datetime
) -> None:
    known = [Suspensions((SuspendedSpan(now),))]
    intake = Intake(codec, max_picture_bytes=1024, retention_days=DAYS, suspensions=lambda: known[-1])
    before = now - timedelta(minutes=1)
    for at in (before, now):
        accepted = take(intake, simulated.rekor_group(Sighting(**vars(sighting) | {"at": at})), device, now)
        assert (accepted.records, accepted.suspended, accepted.outcome) == ((), 1, "suspended")
    assert take(intake, simulated.openalpr_heartbeat(now), device, now).outcome == "heartbeat"
    later = now + timedelta(hours=1)
    known.append(Suspensions((SuspendedSpan(now, later),)))
    kept = [before, later]
    for at in (before, now, later - timedelta(seconds=1), later):
        message = simulated.rekor_group(Sighting(**vars(sighting) | {"at": at, "uuid": at.isoformat()}))
        accepted = take(intake, message, device, later)
        assert (len(accepted.read_ids), accepted.suspended) == ((1, 0) if at in kept else (0, 1)), at
    known.append(NEVER_SUSPENDED)
    assert take(intake, simulated.rekor_group(sighting), device, later).outcome == "accepted"
