"""`heartbeat`: a reader's agent says each minute that it lives (step 1).

Cameras are taken by id, rate and whether they stream; their `url` may hold a password and is not.
"""

from datetime import datetime

from schemas.messages import Camera, Heartbeat
from streams.devices.adapters.fields import Fields
from streams.devices.clocks import time_of
from streams.devices.registry import Device

MAX_CAMERAS = 100

_MAX_FRAMES_PER_SECOND = 1000


def take_heartbeat(message: Fields, device: Device, received_at: datetime) -> Heartbeat:
    """The agent's state. A wrong clock is no reason to refuse it: it is what the heartbeat shows.

    Raises InvalidMessage when it has no time.
    """
    return Heartbeat(
        device_id=device.id,
        sent_at=time_of(message.number("timestamp")),
        received_at=received_at,
        uptime_seconds=message.count("daemon_uptime_seconds"),
        disk_used_bytes=message.count("disk_quota_consumed_bytes"),
        disk_quota_bytes=message.count("disk_quota_total_bytes"),
        cameras=tuple(
            camera for stream in message.each("video_streams")[:MAX_CAMERAS] if (camera := _camera(stream)) is not None
        ),
    )


def _camera(stream: Fields) -> Camera | None:
    name, rate, streams = stream.text("camera_id"), stream.number("fps"), stream.get("is_streaming")
    if name is None or len(name) > 200:
        return None
    return Camera(
        camera_id=name,
        frames_per_second=rate if rate is not None and 0 <= rate <= _MAX_FRAMES_PER_SECOND else None,
        is_streaming=streams if isinstance(streams, bool) else None,
    )
