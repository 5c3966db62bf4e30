"""What every question asks of stored reads, said once more over a list: the oracle of the searches in ClickHouse."""

import math
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from operator import mul
from uuid import UUID

from schemas.plates import fold
from sinks.clickhouse.questions import (
    AtAllPlaces,
    AtReaders,
    Fitting,
    InArea,
    OfPlates,
    Place,
    Question,
)
from sinks.clickhouse.reads import StoredRead
from streams.ledger.holding import Circle, Polygon

EARTH_METRES = 6_371_000


def answer(question: Question, stored: Iterable[StoredRead]) -> list[StoredRead]:
    """Each read once, newest first, cut at the limit."""
    once = {read.read_id: read for read in stored}
    kept = [read for read in once.values() if is_kept(question, read)]
    wanted = sorted((read for read in kept if is_about(question, read, kept)), key=in_order)
    after = question.after
    if after is not None:
        wanted = [read for read in wanted if in_order(read) > position(after.collected_at, after.read_id)]
    return wanted[: question.row_limit]


def in_order(read: StoredRead) -> tuple[float, int]:
    return position(read.collected_at, read.read_id)


def position(collected_at: datetime, read_id: UUID) -> tuple[float, int]:
    """ClickHouse compares UUIDs by their second half first."""
    return -collected_at.timestamp(), ((read_id.int & (2**64 - 1)) << 64) | (read_id.int >> 64)


def is_kept(question: Question, read: StoredRead) -> bool:
    if not question.collected_from <= read.collected_at < question.collected_until:
        return False
    if question.states and read.state not in question.states:
        return False
    least = question.least_confidence
    return least is None or (read.confidence is not None and in_32_bits(read.confidence) >= in_32_bits(least))


def in_32_bits(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def is_about(question: Question, read: StoredRead, kept: Sequence[StoredRead]) -> bool:
    about = question.about
    if isinstance(about, OfPlates):
        return fold(read.plate) in about.folded_plates and about.as_read in {None, read.plate}
    if isinstance(about, Fitting):
        pattern = about.folded_pattern.replace("?", ".").replace("*", ".*")
        return re.fullmatch(pattern, fold(read.plate)) is not None
    if isinstance(about, AtAllPlaces):
        of_plate = [other for other in kept if fold(other.plate) == fold(read.plate)]
        was_everywhere = all(any(map(partial(was_at, place), of_plate)) for place in about.places)
        return was_everywhere and any(was_at(place, read) for place in about.places)
    return is_at(about, read)


def was_at(place: Place, read: StoredRead) -> bool:
    return place.collected_from <= read.collected_at < place.collected_until and is_at(place.where, read)


def is_at(where: InArea | AtReaders, read: StoredRead) -> bool:
    if isinstance(where, AtReaders):
        return read.device_id in where.device_ids
    if isinstance(where.area, Circle):
        return metres(where.area, read) <= where.area.radius_metres
    return is_in_polygon(where.area, read)


def metres(circle: Circle, read: StoredRead) -> float:
    """The angle between two directions from the middle of the Earth, as the length of an arc."""
    one, other = direction(circle.latitude, circle.longitude), direction(read.latitude, read.longitude)
    return EARTH_METRES * math.acos(max(-1.0, min(1.0, sum(map(mul, one, other)))))


def direction(latitude: float, longitude: float) -> tuple[float, float, float]:
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def is_in_polygon(polygon: Polygon, read: StoredRead) -> bool:
    """Whether the ring's points turn all the way round the read (winding number)."""
    angles = [math.atan2(p.latitude - read.latitude, p.longitude - read.longitude) for p in polygon.points]
    turns = sum(
        math.remainder(after - before, 2 * math.pi)
        for before, after in zip(angles, [*angles[1:], angles[0]], strict=True)
    )
    return abs(turns) > math.pi
