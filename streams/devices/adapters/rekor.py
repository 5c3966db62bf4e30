"""Rekor agents: `alpr_group` of one car, `alpr_alert` around one, `vehicle` without a plate, `heartbeat` (step 1)."""

from datetime import datetime

from platestream.errors import InvalidMessage
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.groups import take_group
from streams.devices.adapters.heartbeats import take_heartbeat
from streams.devices.adapters.seen import Taken
from streams.devices.registry import Device


def take(message: Fields, device: Device, received_at: datetime) -> Taken:
    """Reads or a heartbeat; of an alert only the read inside: whether it is a hit is decided by our own hotlist.

    Raises InvalidMessage when the kind is unknown or a needed field cannot be used. Keeps: collection.closed
    """
    match message.text("data_type"):
        case "alpr_group":
            return take_group(message, device, received_at)
        case "alpr_alert":
            return take_group(message.inner("group"), device, received_at)
        case "vehicle":
            return Taken()
        case "heartbeat":
            return Taken(heartbeat=take_heartbeat(message, device, received_at))
    raise InvalidMessage("unknown-kind", "data_type is none of alpr_group, alpr_alert, vehicle, heartbeat.")
