"""Step 4, matched: which reads are one passage of a car. Pure: no Kafka, no clock, no I/O.

The rules, in the words that the tests quote:

* Car: the reads of a passage hit the same entry and have the same folded plate. So a read that hits two entries belongs
  to two passages, and the cars that one PARTIAL entry hits are told apart. Two spellings of one car that do not fold to
  the same, as FUZZY entries allow, are two passages: they may lie in two partitions.
* Time: a read belongs to a passage when it was collected within the window of it: not longer before its earliest
  sighting nor after its latest one. So a car that stays in view has one passage, and an out-of-order read finds its
  own.
* Place: the reader is the one of the sighting that came in last, or at most the near distance from where that was.
* Of several passages that a read could belong to, it belongs to the one that was added to last.
* The first read of a passage raises the alert, and is sighting 1. Each further one is an update: the same alert id, the
  next number. A read that was counted for the entry before (a resend) is neither.
* Memory: what counts are the last N messages of the partition's alerts log, and the last MOST passages of an entry and
  plate. What is older is forgotten: a read of that passage raises a new alert. No clock forgets anything, and neither
  batches nor restarts move the border, so that a replay decides the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import h3

from schemas.messages import Alert
from schemas.plates import fold

MOST = 32  # passages of one entry and plate at a time; a plate read in more places at once is not one car


class Car(NamedTuple):
    """What the reads of a passage have in common."""

    entry_id: str
    folded_plate: str


Counted = tuple[str, int]  # entry and read: a read counts once for an entry


class Sighting(NamedTuple):
    """What passages need of one message of the alerts log."""

    car: Car
    alert_id: UUID
    read_id: UUID
    collected_at: datetime
    received_at: datetime
    device_id: str
    place: tuple[float, float]  # latitude and longitude, degrees
    started_at: datetime
    last_seen_at: datetime
    number: int
    source_offset: int

    @property
    def counted(self) -> Counted:
        """The entry, and the read that counts for it."""
        return self.car.entry_id, self.read_id.int


class Passage(NamedTuple):
    """One car going by, as its last message on the log tells it. `message` numbers that one, for forgetting."""

    alert_id: UUID
    started_at: datetime
    last_seen_at: datetime
    sightings: int
    device_id: str
    place: tuple[float, float]
    message: int


@dataclass(frozen=True, kw_only=True)
class PassageRule:
    """What is configured: the window, how far apart near readers are, how many messages of a partition count (N)."""

    window: timedelta = timedelta(seconds=120)
    near_metres: float = 2_000
    remembered: int = 20_000


def as_sighting(alert: Alert, source_offset: int | None = None) -> Sighting:
    """What passages need of an alert. As the matcher gives it, of the read at `source_offset`, it is a first sighting.

    A message of the first version, which knew no passages, is a passage of its own.
    """
    return Sighting(
        Car(alert.entry_id, fold(alert.plate)),
        alert.alert_id,
        alert.read_id,
        alert.collected_at,
        alert.received_at,
        alert.device_id,
        (alert.latitude, alert.longitude),
        alert.passage_started_at or alert.collected_at,
        alert.last_seen_at or alert.collected_at,
        alert.sighting,
        alert.source_offset if source_offset is None else source_offset,
    )


def belongs(first: Sighting, passage: Passage, rule: PassageRule) -> bool:
    """Whether the read belongs to a passage of its car: by time and by place."""
    at = first.collected_at
    if not passage.started_at - rule.window <= at <= passage.last_seen_at + rule.window:
        return False
    return first.device_id == passage.device_id or _metres(first.place, passage.place) <= rule.near_metres


def next_sighting(first: Sighting, passage: Passage) -> Sighting:
    """The read as the next sighting of a passage it belongs to."""
    return first._replace(
        alert_id=passage.alert_id,
        started_at=min(passage.started_at, first.collected_at),
        last_seen_at=max(passage.last_seen_at, first.collected_at),
        number=passage.sightings + 1,
    )


def passage_of(sighting: Sighting, message: int) -> Passage:
    """The passage after its sighting `message`."""
    return Passage(
        alert_id=sighting.alert_id,
        started_at=sighting.started_at,
        last_seen_at=sighting.last_seen_at,
        sightings=sighting.number,
        device_id=sighting.device_id,
        place=sighting.place,
        message=message,
    )


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(h3.great_circle_distance(one, other, unit="m"))
