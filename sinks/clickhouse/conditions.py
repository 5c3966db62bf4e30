"""Whether a row's place lies within an area, in SQL. Values go to ClickHouse as typed parameters."""

from dataclasses import dataclass, field
from typing import Any

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
