"""OpenALPR agents: `alpr_results` of one frame, `alpr_group` of one car, `heartbeat` (step 1)."""

from datetime import datetime

from platestream.errors import InvalidMessage
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.groups import event_id_of, take_group
from streams.devices.adapters.heartbeats import take_heartbeat
from streams.devices.adapters.seen import SeenRead, Taken
from streams.devices.adapters.values import candidates_of, confidence_of, plate_of, position_of, state_of
from streams.devices.clocks import time_of
from streams.devices.registry import Device

MAX_RESULTS = 100


def take(message: Fields, device: Device, received_at: datetime) -> Taken:
    """Reads or a heartbeat. Raises InvalidMessage when the kind is unknown or a needed field cannot be used.

    Keeps: collection.closed
    """
    match message.text("data_type"):
        case "alpr_group":
            return take_group(message, device, received_at)
        case "alpr_results":
            return _take_results(message, device)
        case "heartbeat":
            return Taken(heartbeat=take_heartbeat(message, device, received_at))
    raise InvalidMessage("unknown-kind", "data_type is none of alpr_group, alpr_results, heartbeat.")


def _take_results(message: Fields, device: Device) -> Taken:
    """Each plate of the frame is a read. One that cannot be a plate does not lose the others."""
    results = message.each("results")
    if len(results) > MAX_RESULTS:
        raise InvalidMessage("too-many-plates", f"One frame cannot hold more than {MAX_RESULTS} plates.")
    reads: list[SeenRead] = []
    unusable: InvalidMessage | None = None
    for index, result in enumerate(results):
        try:
            plate = plate_of(result.get("plate"))
        except InvalidMessage as error:
            unusable = error
            continue
        if plate:
            reads.append(_take_result(message, result, index, plate, device))
    if unusable and not reads:
        raise unusable
    return Taken(reads=tuple(reads))


def _take_result(message: Fields, result: Fields, index: int, plate: str, device: Device) -> SeenRead:
    latitude, longitude = position_of(message.number("gps_latitude"), message.number("gps_longitude"), device)
    return SeenRead(
        event_id=f"{event_id_of(message.text('uuid'))}-{index}",
        plate=plate,
        state=state_of(result.text("region"), message.text("country")),
        collected_at=time_of(message.number("epoch_time")),
        latitude=latitude,
        longitude=longitude,
        confidence=confidence_of(result.number("confidence")),
        candidates=candidates_of(result.each("candidates"), plate),
    )
