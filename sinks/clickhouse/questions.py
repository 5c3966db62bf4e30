"""What can be asked of the stored reads, and what each question is in SQL.

A statement is put together from constant pieces alone; every value goes to ClickHouse as a typed parameter. The table
is ordered by folded plate, so questions about plates, and patterns that begin with characters, use its primary index;
the others are limited by the days of their span, which are partitions.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from platestream.clock import to_ms
from sinks.clickhouse.conditions import Condition, all_of, between, inside
from streams.ledger.holding import Circle, Polygon

_LIKE = str.maketrans("?*", "_%")  # a folded plate holds neither of them, nor anything that would need an escape


@dataclass(frozen=True, kw_only=True)
class OfPlates:
    """Reads whose folded plate is one of these; with `as_read`, only those read as exactly that."""

    folded_plates: tuple[str, ...] = field(repr=False)
    as_read: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Reads whose folded plate fits a folded pattern: ? is one character, * any number of them, also none."""

    folded_pattern: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class InArea:
    """Reads collected within an area."""

    area: Circle | Polygon


@dataclass(frozen=True, kw_only=True)
class AtReaders:
    """Reads of some readers."""

    device_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """An area or some readers, in [collected_from, collected_until)."""

    where: InArea | AtReaders
    collected_from: datetime
    collected_until: datetime


@dataclass(frozen=True, kw_only=True)
class AtAllPlaces:
    """Reads at any of the places, of plates that were read at every one of them."""

    places: tuple[Place, ...]


About = OfPlates | Fitting | InArea | AtReaders | AtAllPlaces


@dataclass(frozen=True, kw_only=True)
class Position:
    """A read in the order of answers: by collected_at, the newest first, then by read_id as ClickHouse compares it."""

    collected_at: datetime
    read_id: UUID


@dataclass(frozen=True, kw_only=True)
class Question:
    """Reads collected in [collected_from, collected_until), newest first, `row_limit` at most.

    `states` and `least_confidence` (0..1) leave out reads with other ones or with none; for `AtAllPlaces` before plates
    are compared. `after` asks for what comes behind a read in the order of answers.
    """

    about: About
    collected_from: datetime
    collected_until: datetime
    row_limit: int
    states: tuple[str, ...] = ()
    least_confidence: float | None = None
    after: Position | None = None


def condition_of(question: Question) -> Condition:
    """The condition on rows of `reads`."""
    kept = all_of([between("span", question.collected_from, question.collected_until), *_filters(question)])
    about = _about(question.about, kept.sql)
    return all_of([kept, about, *_behind(question.after)])


def _about(about: About, kept: str) -> Condition:
    if isinstance(about, OfPlates):
        return _of_plates(about)
    if isinstance(about, Fitting):
        pattern = about.folded_pattern.translate(_LIKE)
        return Condition("folded_plate LIKE {pattern:String}", {"pattern": pattern})
    if isinstance(about, AtAllPlaces):
        return _at_all_places(about, kept)
    return _at(about, "place")


def _of_plates(about: OfPlates) -> Condition:
    plates = Condition("folded_plate IN {plates:Array(String)}", {"plates": list(about.folded_plates)})
    if about.as_read is None:
        return plates
    return all_of([plates, Condition("plate = {as_read:String}", {"as_read": about.as_read})])


def _at(where: InArea | AtReaders, name: str) -> Condition:
    if isinstance(where, InArea):
        return inside(where.area, name)
    return Condition(f"device_id IN {{{name}_devices:Array(String)}}", {f"{name}_devices": list(where.device_ids)})


def _at_all_places(about: AtAllPlaces, kept: str) -> Condition:
    places = [
        all_of([between(f"place_{at}", place.collected_from, place.collected_until), _at(place.where, f"place_{at}")])
        for at, place in enumerate(about.places)
    ]
    anywhere = " OR ".join(f"({place.sql})" for place in places)
    everywhere = " AND ".join(f"countIf({place.sql}) > 0" for place in places)
    plates = " ".join(
        ["SELECT folded_plate FROM reads WHERE", kept, f"AND ({anywhere}) GROUP BY folded_plate HAVING", everywhere]
    )
    parameters = {name: value for place in places for name, value in place.parameters.items()}
    return Condition(f"({anywhere}) AND folded_plate IN ({plates})", parameters)


def _filters(question: Question) -> list[Condition]:
    filters = []
    if question.states:
        filters.append(Condition("state IN {states:Array(String)}", {"states": list(question.states)}))
    if question.least_confidence is not None:  # it is kept in 32 bits, and so compared
        least = {"least_confidence": question.least_confidence}
        filters.append(Condition("confidence >= {least_confidence:Float32}", least))
    return filters


def _behind(after: Position | None) -> list[Condition]:
    if after is None:
        return []
    at: dict[str, Any] = {"after_ms": to_ms(after.collected_at), "after_id": after.read_id}
    behind = (
        "collected_at <= fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC')"
        " AND (collected_at < fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC') OR read_id > {after_id:UUID})"
    )
    return [Condition(behind, at)]
