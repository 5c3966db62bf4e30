"""Every kind of question in ClickHouse beside the same over a list: the same reads, in the same order, page by page."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.routes.bodies import PartialSearch, PlateSearch
from gateway.searches.stored import ClickHouseReads
from platestream.settings import GatewaySettings
from sinks.clickhouse.questions import (
    About,
    AtAllPlaces,
    AtReaders,
    InArea,
    Place,
    Position,
    Question,
)
from sinks.clickhouse.reads import StoredRead
from sinks.clickhouse.store import Store
from streams.ledger.holding import Circle, Point, Polygon
from tests.asking import found_read, keep_reads, search_body
from tests.search_oracle import answer, in_32_bits, metres
from tests.storing import NOW

EXAMPLES = 1000 if os.environ.get("PLATESTREAM_SOAK") else 8
HOUR = timedelta(hours=1)
LATITUDES = [44.9 + step * 0.011 for step in range(5)]
LONGITUDES = [-93.1 + step * 0.013 for step in range(5)]
DEVICES = ["gate-1", "gate-2", "gate-3"]
SURE = [None, 0.25, 0.9, 0.91]

PLATES = st.text("0OD1I2Z7AB", min_size=3, max_size=4)
READS = st.builds(
    lambda plate, hours, fields: replace(found_read(plate, NOW - hours * HOUR), **fields),
    PLATES,
    st.integers(1, 12),
    st.fixed_dictionaries(
        {
            "read_id": st.uuids(),
            "state": st.sampled_from([None, "MN", "WI"]),
            "device_id": st.sampled_from(DEVICES),
            "latitude": st.sampled_from(LATITUDES),
            "longitude": st.sampled_from(LONGITUDES),
            "confidence": st.sampled_from([sure and in_32_bits(sure) for sure in SURE]),
        }
    ),
)
STORED = st.lists(READS, min_size=1, max_size=25, unique_by=lambda read: read.read_id)
CORNERS = st.builds(
    lambda north, east: Point(latitude=44.8953 + north * 0.011, longitude=-93.1071 + east * 0.013),
    st.integers(0, 6),
    st.integers(0, 6),
)
CIRCLES = st.builds(
    lambda middle, radius: Circle(latitude=middle.latitude, longitude=middle.longitude, radius_metres=radius),
    CORNERS,
    st.floats(300, 5000),
)
POLYGONS = st.builds(
    lambda corners: Polygon(points=tuple(corners)), st.lists(CORNERS, min_size=3, max_size=3, unique=True)
)
WHERE = (CIRCLES | POLYGONS).map(lambda area: InArea(area=area)) | st.builds(
    lambda devices: AtReaders(device_ids=tuple(devices)), st.sets(st.sampled_from(DEVICES), min_size=1)
)
SPANS = st.tuples(st.integers(1, 13), st.integers(0, 12)).map(
    lambda hours: {"collected_from": NOW - max(hours) * HOUR, "collected_until": NOW - min(hours) * HOUR + HOUR / 2}
)
PLACES = st.builds(lambda where, span: Place(where=where, **span), WHERE, SPANS)


def of_plate(plate: str, match: str) -> About:
    return PlateSearch.model_validate(search_body(NOW, plate=plate, match=match)).about()


def fitting(pattern: str) -> About:
    return PartialSearch.model_validate(search_body(NOW, plate=None, pattern=pattern)).about()


PATTERNS = st.builds(
    lambda plate, at, wild: plate[:at] + wild + plate[at:], PLATES, st.integers(0, 4), st.sampled_from("?*")
)
ABOUT: dict[str, st.SearchStrategy[About]] = {
    "plate": st.builds(of_plate, PLATES, st.sampled_from(["exact", "folded", "look-alike"])),
    "partial": PATTERNS.map(fitting),
    "area or reader": WHERE,
    "places": st.lists(PLACES, min_size=2, max_size=3).map(lambda places: AtAllPlaces(places=tuple(places))),
}
FILTERS = st.fixed_dictionaries(
    {
        "states": st.sampled_from([(), ("MN",), ("MN", "WI")]),
        "least_confidence": st.sampled_from(SURE),
        "row_limit": st.sampled_from([4, 100]),
    }
)
LIMITS = st.builds(dict.__or__, SPANS, FILTERS)


@pytest.fixture
def reads(store: Store) -> Iterator[ClickHouseReads]:
    with closing(ClickHouseReads(store, GatewaySettings())) as opened:
        yield opened


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES)
@given(st.data(), STORED, st.fixed_dictionaries(ABOUT), LIMITS)
def test_the_engine_answers_like_the_oracle(
    store: Store,
    reads: ClickHouseReads,
    data: st.DataObject,
    stored: list[StoredRead],
    asked: dict[str, About],
    limits: dict[str, Any],
) -> None:
    asked["a plate that is there"] = of_plate(stored[0].plate, data.draw(st.sampled_from(["exact", "folded"])))
    store.client().command("TRUNCATE TABLE reads")
    keep_reads(store, stored)
    keep_reads(store, data.draw(st.lists(st.sampled_from(stored), max_size=3)))  # a replay
    for about in asked.values():
        if not any(is_on_the_edge(area, stored) for area in areas_of(about)):
            check_pages(reads.find, Question(about=about, **limits), stored)


def check_pages(find: Callable[[Question, UUID], Any], question: Question, stored: list[StoredRead]) -> None:
    whole = [read.read_id for read in answer(replace(question, row_limit=1000), stored)]
    found: list[UUID] = []
    while True:
        page = find(question, uuid4())
        assert page == answer(question, stored)
        found += [read.read_id for read in page]
        if len(page) < question.row_limit:
            break
        question = replace(question, after=Position(collected_at=page[-1].collected_at, read_id=page[-1].read_id))
    assert found == whole


def areas_of(about: About) -> list[Circle | Polygon]:
    if isinstance(about, AtAllPlaces):
        return [area for place in about.places for area in areas_of(place.where)]
    return [about.area] if isinstance(about, InArea) else []


def is_on_the_edge(area: Circle | Polygon, stored: list[StoredRead]) -> bool:
    """The engine's distances are half a percent from the oracle's, and lines differ in their last digits."""
    if isinstance(area, Circle):
        return any(abs(metres(area, read) / area.radius_metres - 1) < 0.01 for read in stored)
    corners = [*area.points, area.points[0]]
    places = {(read.latitude, read.longitude) for read in stored}
    return not area.square_degrees() > 1e-9 or any(
        Polygon(points=(one, other, Point(latitude=north, longitude=east))).square_degrees() < 1e-9
        for one, other in zip(corners, corners[1:], strict=False)
        for north, east in places
    )
