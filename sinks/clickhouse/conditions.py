"""Conditions on stored rows in SQL: their time, their place. Values go to ClickHouse as typed parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platestream.clock import to_ms
from streams.ledger.holding import Circle, Polygon


@dataclass(frozen=True)
class Condition:
    """What to write after WHERE, with its parameters."""

    sql: str
    parameters: dict[str, Any] = field(repr=False)


def inside(area: Circle | Polygon, name: str = "area") -> Condition:
    """The condition on rows with latitude and longitude; `name` begins the names of its parameters."""
    if isinstance(area, Polygon):
        points = [(point.longitude, point.latitude) for point in area.points]
        polygon = f"pointInPolygon((longitude, latitude), {{{name}_points:Array(Tuple(Float64, Float64))}})"
        return Condition(polygon, {f"{name}_points": points})
    circle = (
        f"greatCircleDistance(longitude, latitude, {{{name}_longitude:Float64}}, {{{name}_latitude:Float64}})"
        f" <= {{{name}_metres:Float64}}"
    )
    place = {"longitude": area.longitude, "latitude": area.latitude, "metres": area.radius_metres}
    return Condition(circle, {f"{name}_{part}": value for part, value in place.items()})


def between(name: str, start: datetime, end: datetime) -> Condition:
    """The condition on rows collected from `start` until before `end`; `name` begins the names of its parameters."""
    sql = (
        f"collected_at >= fromUnixTimestamp64Milli({{{name}_from_ms:Int64}}, 'UTC')"
        f" AND collected_at < fromUnixTimestamp64Milli({{{name}_until_ms:Int64}}, 'UTC')"
    )
    return Condition(sql, {f"{name}_from_ms": to_ms(start), f"{name}_until_ms": to_ms(end)})


def all_of(conditions: Sequence[Condition]) -> Condition:
    """What all of them say; their parameters have different names."""
    parameters = {name: value for condition in conditions for name, value in condition.parameters.items()}
    return Condition(" AND ".join(condition.sql for condition in conditions), parameters)
