"""What a search may cost the engine, and that it ends when nobody waits for it any more."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.searches.stored import ClickHouseReads
from platestream.errors import InvalidMessage, TransientError
from platestream.settings import GatewaySettings
from sinks.clickhouse.questions import AtAllPlaces, InArea, Place, Question
from sinks.clickhouse.reads import TooCostly
from sinks.clickhouse.store import Store
from streams.ledger.holding import Circle, Point, Polygon
from tests.asking import let_in, search_body
from tests.integration.gateway.conftest import Served
from tests.storing import NOW

DAY = timedelta(days=1)
ROWS = 250_000
FILL = f"""
INSERT INTO reads (folded_plate, plate, collected_at, read_id, device_id, received_at, latitude, longitude)
SELECT 'A' || toString(number) AS plate, plate, now64(3, 'UTC') - toIntervalSecond(number % 3600 + 1), generateUUIDv4(),
    'gate-1', now64(3, 'UTC'), 44.9 + number % 1000 / 10000, -93.1 + number % 1009 / 10000
FROM numbers({ROWS})
"""
CIRCLES = [Circle(latitude=44.9 + step / 100, longitude=-93.1, radius_metres=9000) for step in range(10)]


@pytest.fixture
def filled(store: Store) -> Store:
    store.client().command(FILL)
    return store


def everywhere() -> Question:
    """One that takes the engine a while."""
    span = {"collected_from": NOW - DAY, "collected_until": NOW + DAY}
    places = tuple(Place(where=InArea(area=circle), **span) for circle in CIRCLES)
    return Question(about=AtAllPlaces(places=places), row_limit=10_000, **span)


def opened(store: Store, **limits: int) -> "closing[ClickHouseReads]":
    return closing(ClickHouseReads(store, GatewaySettings.model_validate(limits)))


def running(store: Store) -> int:
    asked = "SELECT count() FROM system.processes WHERE Settings['log_comment'] != ''"
    return int(store.client().query(asked).result_rows[0][0])


def wait_until(happens: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


async def ask_and_leave(served: Served, **request: Any) -> None:
    """As a client that goes away while the engine searches."""
    async with httpx.AsyncClient(base_url=served.client.base_url) as client:
        asked = asyncio.create_task(client.post("/v1/searches/places", **request))
        await asyncio.to_thread(wait_until, lambda: running(served.store) == 1)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked


def test_a_search_that_would_read_or_hold_too_much_is_ended_by_the_engine(filled: Store) -> None:
    with opened(filled, max_search_bytes=1024**2) as reads, pytest.raises(TooCostly, match="ask for less"):
        reads.find(everywhere(), uuid4())
    with opened(filled) as reads:
        assert reads.find(everywhere(), uuid4()) is not None


def test_a_polygon_that_crosses_itself_is_the_askers_mistake(store: Store) -> None:
    corners = ((44.9, -93.1), (45.0, -93.0), (44.9, -93.0), (45.0, -93.1))
    bow_tie = Polygon(points=tuple(Point(latitude=north, longitude=east) for north, east in corners))
    question = Question(about=InArea(area=bow_tie), collected_from=NOW - DAY, collected_until=NOW + DAY, row_limit=1)
    with opened(store) as reads, pytest.raises(InvalidMessage, match="polygon"):
        reads.find(question, uuid4())


def test_a_search_that_nobody_waits_for_is_ended_in_the_engine(filled: Store) -> None:
    with opened(filled) as reads, ThreadPoolExecutor(1) as asking:
        search_id = uuid4()
        asked = asking.submit(reads.find, everywhere(), search_id)
        wait_until(lambda: running(filled) == 1)
        while not asked.done():
            reads.end(search_id)
            time.sleep(0.01)
        with pytest.raises(TransientError):
            asked.result()
        assert running(filled) == 0
        reads.end(search_id)


def test_a_client_that_leaves_ends_its_search_and_the_ledger_says_so(served: Served) -> None:
    let_in(served.ledger, served.clock)
    served.store.client().command(FILL)
    places = [{"area": circle.model_dump()} for circle in CIRCLES]
    body = search_body(NOW + DAY, plate=None, places=places)
    asyncio.run(ask_and_leave(served, json=body, headers=served.token()))
    wait_until(lambda: any(event.kind == "search-answered" for event in served.events()))
    assert running(served.store) == 0
    [answered] = [event for event in served.events() if event.kind == "search-answered"]
    assert '"outcome":"failed"' in answered.body
