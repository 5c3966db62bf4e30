"""Searches through the socket, the broker's ledger and the engine."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.asking import PLATE, let_in, revoke, search_body
from tests.integration.gateway.conftest import Served

HOUR = timedelta(hours=1)
WRITTEN = ["search-requested", "search-decided", "search-answered"]


@pytest.mark.rule("query.log", "classification.private")
def test_a_search_finds_what_is_stored_and_is_in_the_ledger(served: Served, now: datetime) -> None:
    let_in(served.ledger, served.clock)
    newer, older = served.keep("KLM0I5", now - HOUR), served.keep("KLMO15", now - 2 * HOUR)
    served.keep("KLM0I6", now - HOUR)
    served.keep("KLM0I5", now - timedelta(days=8))
    answer = served.search(search_body(now))
    assert answer.status_code == 200
    rows = answer.json()["rows"]
    assert [(row["read_id"], row["plate"]) for row in rows] == [(newer, "KLM0I5"), (older, "KLMO15")]
    assert {row["classification"] for row in rows} == {"private"}
    assert rows[0]["confidence"] == 0.91
    [picture] = rows[0]["pictures"]
    assert (picture["sha256"], picture["kind"]) == (bytes(range(32)).hex(), "PLATE")
    events = served.events()[-3:]
    assert [event.kind for event in events] == WRITTEN
    assert {event.subject_id for event in events} == {answer.json()["search_id"]}


def test_a_read_stored_twice_is_answered_once(served: Served, now: datetime) -> None:
    let_in(served.ledger, served.clock)
    served.keep("KLM0I5", now - HOUR)
    served.store.client().command("INSERT INTO reads SELECT * FROM reads")
    assert served.search(search_body(now)).json()["row_count"] == 1


@pytest.mark.rule("access.list", "training.before-use", "query.log")
def test_the_refused_are_in_the_topic_like_the_others(served: Served, now: datetime) -> None:
    served.keep("KLM0I5", now - HOUR)
    assert served.search(search_body(now)).json()["rule"] == "access.list"
    let_in(served.ledger, served.clock)
    assert served.search(search_body(now, reason="test")).json()["rule"] == "query.log"
    assert served.search(search_body(now)).status_code == 200
    revoke(served.ledger, served.clock)
    answer = served.search(search_body(now))
    assert (answer.status_code, answer.json()["rule"]) == (403, "access.list")
    assert "revoked" in answer.json()["detail"]
    kinds = [event.kind for event in served.events() if event.kind.startswith("search-")]
    assert kinds == [*WRITTEN[:2], *WRITTEN[:2], *WRITTEN, *WRITTEN[:2]]


@pytest.mark.rule("query.log")
def test_many_at_once_are_each_asked_decided_and_answered_in_this_order(served: Served, now: datetime) -> None:
    people = [f"analyst-{number}" for number in range(6)]
    for person in people[:3]:
        let_in(served.ledger, served.clock, person)
    served.keep("KLM0I5", now - HOUR)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda person: served.search(search_body(now), person), people * 5))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403, 403, 403] * 5
    events = served.events()
    searches = {event.subject_id for event in events if event.kind == "search-requested"}
    assert len(searches) == 30
    for search in searches:
        kinds = [event.kind for event in events if event.subject_id == search]
        assert kinds in (WRITTEN, WRITTEN[:2])


def test_no_plate_is_in_the_ledger_or_in_what_the_engine_remembers(served: Served, now: datetime) -> None:
    let_in(served.ledger, served.clock)
    served.search(search_body(now, reason=f"Locate the stolen car {PLATE}"))
    assert not any(PLATE.encode() in served.codec.encode(event) for event in served.events())
    served.store.client().command("SYSTEM FLUSH LOGS")
    logs = "SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree' AND name LIKE '%log%'"
    assert served.store.client().query(logs).result_rows == []


def test_it_says_that_it_works(served: Served) -> None:
    answer = served.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ledger": True, "replay": True, "store": True, "suspended": False},
    )
