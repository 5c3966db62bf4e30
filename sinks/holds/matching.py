"""Which reads a hold is about, said twice: as a condition on stored rows, and as a rule on one read in the hand.

A test holds both to the same answer. Values go to ClickHouse as typed parameters.
"""

import math
from collections.abc import Sequence

from schemas.messages import Alert, PlateRead
from schemas.plates import fold
from sinks.clickhouse.conditions import Condition, all_of, between, inside
from sinks.holds.acts import Named
from streams.ledger.holding import ByArea, ByPlate, ByReaders, ByReads, Circle, Point, Polygon, Selection

_EARTH_METRES = 6_371_000.0


def condition_of(selection: Selection, named: Named) -> Condition:
    """The condition on rows with the columns of `reads`."""
    if isinstance(selection, ByReads):
        return Condition("read_id IN {read_ids:Array(UUID)}", {"read_ids": list(named.read_ids)})
    return all_of([between("span", selection.collected_from, selection.collected_until), _about(selection, named)])


def _about(selection: ByPlate | ByReaders | ByArea, named: Named) -> Condition:
    if isinstance(selection, ByPlate):
        return Condition("folded_plate IN {plates:Array(String)}", {"plates": list(named.plates)})
    if isinstance(selection, ByReaders):
        return Condition("device_id IN {device_ids:Array(String)}", {"device_ids": list(selection.device_ids)})
    return inside(selection.area)


def matches(selection: Selection, named: Named, read: PlateRead | Alert) -> bool:
    """Whether the hold is about this read, or the read of this alert."""
    if isinstance(selection, ByReads):
        return read.read_id in named.read_ids
    if not selection.covers(read.collected_at):
        return False
    if isinstance(selection, ByPlate):
        return fold(read.plate) in named.plates
    if isinstance(selection, ByReaders):
        return read.device_id in selection.device_ids
    return _is_inside(selection, Point(latitude=read.latitude, longitude=read.longitude))


def _is_inside(selection: ByArea, point: Point) -> bool:
    area = selection.area
    if isinstance(area, Polygon):
        return _is_in_ring(area.points, point)
    return metres_between(area, point) <= area.radius_metres


def _is_in_ring(ring: Sequence[Point], point: Point) -> bool:
    """Whether a line to the east crosses the ring an odd number of times."""
    is_in = False
    for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (one.latitude > point.latitude) != (other.latitude > point.latitude):
            share = (point.latitude - one.latitude) / (other.latitude - one.latitude)
            is_in ^= point.longitude < one.longitude + share * (other.longitude - one.longitude)
    return is_in


def metres_between(one: Circle, other: Point) -> float:
    """On a sphere (haversine). ClickHouse's own formula differs by less than 0.5 %."""
    south, north = math.radians(one.latitude), math.radians(other.latitude)
    half_east = math.radians(other.longitude - one.longitude) / 2
    chord = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(half_east) ** 2
    return 2 * _EARTH_METRES * math.asin(math.sqrt(min(1.0, chord)))
