"""The searches that are measured: each as the body of its route and as the question that the store is asked."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.plates import plate
from bench.searches.filling import DAYS, READERS, first_midnight, place_of, vehicles_of
from gateway.routes.bodies import AreaSearch, PartialSearch, PlateSearch, ReaderSearch, SearchBody
from sinks.clickhouse.questions import Question
from streams.ledger.events import SearchKind

CASE = "26-000042"
ROW_LIMIT = 100
_METRES = 600


@dataclass(frozen=True)
class Asked:
    """One search; `at_least` one of its reads is stored unless it says otherwise."""

    kind: SearchKind
    body: dict[str, Any]
    question: Question


def draw_searches(name: str, count: int, rows: int, now: datetime, seed: int) -> Sequence[Asked]:
    """Different searches of one kind. A plate comes up once a seed, so that the tracking gate lets all of them pass."""
    chance = random.Random(f"{name} {seed}")
    return [_NAMES[name](chance, rows, now) for _ in range(count)]


def _plate(match: str) -> Callable[[random.Random, int, datetime], Asked]:
    def draw(chance: random.Random, rows: int, now: datetime) -> Asked:
        drawn = plate(chance.randrange(vehicles_of(rows))).decode()
        return _asked(PlateSearch, _span(now, 0, DAYS), plate=drawn, match=match)

    return draw


def _partial(chance: random.Random, rows: int, now: datetime) -> Asked:
    drawn = plate(chance.randrange(vehicles_of(rows))).decode()
    return _asked(PartialSearch, _span(now, 0, DAYS), pattern=f"{drawn[:4]}?{drawn[5]}*")


def _area(chance: random.Random, rows: int, now: datetime) -> Asked:
    latitude, longitude = place_of(chance.randrange(READERS))
    area = {"latitude": latitude, "longitude": longitude, "radius_metres": _METRES}
    return _asked(AreaSearch, _span(now, chance.randrange(DAYS - 1), 1), area=area)


def _reader(chance: random.Random, rows: int, now: datetime) -> Asked:
    start = first_midnight(now) + timedelta(hours=chance.randrange(24 * (DAYS - 1)))
    span = {"collected_from": start, "collected_until": start + timedelta(hours=1)}
    return _asked(ReaderSearch, span, device_ids=[f"reader-{chance.randrange(READERS)}"])


_NAMES = {
    "plate": _plate("folded"),
    "look-alike": _plate("look-alike"),
    "partial": _partial,
    "area and day": _area,
    "reader and hour": _reader,
}
NAMES = tuple(_NAMES)


def _span(now: datetime, day: int, days: int) -> dict[str, datetime]:
    start = first_midnight(now) + timedelta(days=day)
    return {"collected_from": start, "collected_until": start + timedelta(days=days)}


def _asked(body_type: type[SearchBody], span: dict[str, datetime], **looked_for: Any) -> Asked:
    written = {
        "case_number": CASE,
        "offence_category": "stolen-vehicle",
        "offence": "theft of a motor vehicle",
        "reason": "Locate the stolen car of the complainant",
        "factual_basis": "Owner reported the car stolen from Rice Street, keys left inside",
        "row_limit": ROW_LIMIT,
    }
    body = body_type.model_validate({**written, **span, **looked_for})
    question = Question(
        about=body.about(),
        collected_from=body.collected_from,
        collected_until=body.collected_until,
        row_limit=ROW_LIMIT + 1,
    )
    return Asked(body.kind, body.model_dump(mode="json", exclude_none=True), question)
