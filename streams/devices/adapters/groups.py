"""`alpr_group`: what a reader says once about one passing car, from its many frames (step 1).

Written by OpenALPR agents (version 1, 2) and Rekor's (version 3). The best plate is a read. Pictures, position and
region came with version 2.
"""

from datetime import datetime

from platestream.errors import InvalidMessage
from schemas.messages import PictureKind
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.seen import SeenRead, Taken
from streams.devices.adapters.values import candidates_of, confidence_of, plate_of, position_of, state_of
from streams.devices.clocks import time_of
from streams.devices.registry import Device

_MAX_EVENT_ID_LENGTH = 500


def take_group(group: Fields, device: Device, received_at: datetime) -> Taken:
    """The group's best plate as a read; nothing when it has none. Raises InvalidMessage. Keeps: collection.closed"""
    best = group.inner("best_plate")
    plate = plate_of(group.get("best_plate_number")) or plate_of(best.get("plate"))
    if not plate:
        return Taken()
    latitude, longitude = position_of(group.number("gps_latitude"), group.number("gps_longitude"), device)
    read = SeenRead(
        event_id=_event_id(group),
        plate=plate,
        state=state_of(group.text("best_region") or best.text("region"), group.text("country")),
        collected_at=time_of(group.number("epoch_start")),
        latitude=latitude,
        longitude=longitude,
        confidence=_confidence(group, best),
        candidates=candidates_of(group.each("candidates") or best.each("candidates"), plate),
        pictures=_pictures(group, best),
    )
    return Taken(reads=(read,))


def event_id_of(value: str | None) -> str:
    """The reader's own id of what it saw. Raises InvalidMessage without one: a resend could not be told from a read."""
    if not value or len(value) > _MAX_EVENT_ID_LENGTH:
        raise InvalidMessage("event-id-missing", "The message has no id of its own that a resend would repeat.")
    return value


def _event_id(group: Fields) -> str:
    frames = group.get("uuids")
    first = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], str) else None
    return event_id_of(group.text("best_uuid") or first)


def _confidence(group: Fields, best: Fields) -> float | None:
    of_group, of_plate = group.number("best_confidence"), best.number("confidence")
    return confidence_of(of_plate if of_group is None else of_group)


def _pictures(group: Fields, best: Fields) -> tuple[tuple[PictureKind, object], ...]:
    sent = (
        (PictureKind.PLATE, best.get("plate_crop_jpeg")),
        (PictureKind.VEHICLE, group.get("vehicle_crop_jpeg")),
        (PictureKind.SURROUNDINGS, group.get("overview_jpeg")),
    )
    return tuple((kind, picture) for kind, picture in sent if picture)
