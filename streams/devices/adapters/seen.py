"""What an adapter takes from a vendor's message: reads or a heartbeat, of named fields only, and nothing else (step 1).

Keeps: collection.closed
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas.messages import Candidate, Heartbeat, PictureKind
from streams.devices.adapters.fields import Fields
from streams.devices.registry import Device


@dataclass(frozen=True, kw_only=True)
class SeenRead:
    """One plate seen by one reader. `event_id` is the reader's own, the same when it sends again.

    Position in degrees, confidence 0..1. `pictures` are as sent: base64 text, if the reader keeps to its format.
    """

    event_id: str
    plate: str = field(repr=False)
    state: str | None
    collected_at: datetime
    latitude: float
    longitude: float
    confidence: float | None
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)
    pictures: tuple[tuple[PictureKind, object], ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """All that is kept of one message; empty when it holds no plate."""

    reads: tuple[SeenRead, ...] = ()
    heartbeat: Heartbeat | None = None


class Adapter(Protocol):
    """Reads one vendor's messages. Raises InvalidMessage for one it cannot understand."""

    def __call__(self, message: Fields, device: Device, received_at: datetime) -> Taken: ...
