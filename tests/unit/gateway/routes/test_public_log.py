"""The public log: open to anyone, hours that are over, numbers alone."""

import csv
import io
from datetime import datetime, timedelta

import pytest

from sinks.clickhouse.counting import CollectionCount, HitCount
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.publishing import ListLoaded, ReaderPlaced, ReaderRemoved
from tests.asking import NOW
from tests.unit.gateway.conftest import Asked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def fill(asked: Asked) -> None:
    counted = [(NOW - 2 * HOUR, "gate-1", 7), (NOW - HOUR, "gate-2", 3), (NOW, "gate-1", 99)]
    asked.reads.collected = [CollectionCount(hour, device, "private", reads) for hour, device, reads in counted]
    asked.reads.hits = [HitCount(NOW - HOUR, "gate-1", "FOLDED", "STOLEN_VEHICLE", "state-file", 2)]


@pytest.mark.rule("log.public")
def test_anyone_may_ask_and_the_hour_that_runs_is_not_told(asked: Asked) -> None:
    fill(asked)
    asked.clock.at = NOW + timedelta(minutes=30)
    answer = asked.client.get("/public-log")
    assert answer.status_code == 200
    assert [(one["device_id"], one["reads"]) for one in answer.json()["collected"]] == [("gate-1", 7), ("gate-2", 3)]
    assert [(one["match_kind"], one["hits"]) for one in answer.json()["hits"]] == [("FOLDED", 2)]
    assert answer.json()["databases"] == ["state-file"]
    assert asked.ledger.log == []


def test_the_table_says_what_each_line_counts(asked: Asked) -> None:
    fill(asked)
    answer = asked.client.get("/public-log.csv", params={"from": NOW.date().isoformat()})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(line["device_id"], line["counted"], line["database"], line["count"]) for line in lines] == [
        ("gate-1", "reads", "", "7"),
        ("gate-1", "hits", "state-file", "2"),
        ("gate-2", "reads", "", "3"),
    ]


def test_what_a_reader_or_a_list_is_called_runs_in_no_spreadsheet(asked: Asked) -> None:
    asked.reads.hits = [HitCount(NOW - HOUR, "=1+1", "FOLDED", "STOLEN_VEHICLE", "@SUM(1)", 2)]
    published(asked, placed("-1+1", 44.5, NOW - DAY), NOW - DAY)
    lines = list(csv.DictReader(io.StringIO(asked.client.get("/public-log.csv").text)))
    assert {(line["device_id"], line["database"]) for line in lines} == {("'=1+1", "'@SUM(1)"), ("'-1+1", "")}
    assert {line["longitude"] for line in lines} == {"", "-93.09"}


@pytest.mark.parametrize("days", [{"from": "2026-03-02", "until": "2026-03-02"}, {"from": "2025-01-01"}, {"from": "x"}])
def test_spans_that_are_empty_or_too_long_are_refused(asked: Asked, days: dict[str, str]) -> None:
    assert asked.client.get("/public-log", params=days).status_code == 422


@pytest.mark.parametrize(
    "days",
    [
        {"until": "0001-01-03"},
        {"until": "9999-12-31"},
        {"from": "9999-12-30", "until": "9999-12-31"},
        {"from": "0001-01-01", "until": "0001-01-02"},
    ],
)
def test_days_at_the_ends_of_the_calendar_are_refused_like_others(asked: Asked, days: dict[str, str]) -> None:
    for path in ("/public-log", "/public-log.csv"):
        answer = asked.client.get(path, params=days)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_span_that_is_refused_says_why(asked: Asked) -> None:
    answer = asked.client.get("/public-log", params={"from": "2025-01-01", "until": "2026-01-01"})
    assert "at most 92 days" in answer.json()["detail"]


def test_without_the_store_there_is_no_answer(asked: Asked) -> None:
    asked.reads.is_away = True
    assert asked.client.get("/public-log").status_code == 503


def published(asked: Asked, body: Body, at: datetime) -> None:
    asked.ledger.append(new_event(body, at=at, actor_id="administrator-2", subject_id="program"))


def placed(device_id: str, latitude: float, at: datetime) -> ReaderPlaced:
    return ReaderPlaced(device_id=device_id, latitude=latitude, longitude=-93.09, from_at=at)


def loaded(source: str, entries: int, at: datetime) -> ListLoaded:
    return ListLoaded(source=source, entry_count=entries, removed_count=0, extracted_at=at - HOUR)


@pytest.mark.rule("log.public")
def test_fixed_readers_are_told_where_they_stood_and_for_how_long(asked: Asked) -> None:
    for body in (
        placed("gate-1", 44.5, NOW - 90 * DAY),
        placed("gate-1", 44.6, NOW - 3 * DAY),
        placed("gate-2", 44.7, NOW - 90 * DAY),
        ReaderRemoved(device_id="gate-2", until_at=NOW - 60 * DAY),
        placed("gate-3", 44.8, NOW + 3 * DAY),
    ):
        published(asked, body, NOW)
    told = asked.client.get("/public-log").json()["fixed_readers"]
    assert [(one["device_id"], one["latitude"], one["until_at"] is None) for one in told] == [
        ("gate-1", 44.5, False),
        ("gate-1", 44.6, True),
    ]
    before = (NOW - 80 * DAY).date().isoformat()
    lines = csv.DictReader(io.StringIO(asked.client.get("/public-log.csv", params={"from": before}).text))
    found = [(line["device_id"], line["latitude"], line["until"] != "") for line in lines]
    assert found == [("gate-1", "44.5", True), ("gate-2", "44.7", True), ("gate-1", "44.6", False)]


@pytest.mark.rule("log.public")
def test_lists_are_told_whether_anything_was_found_on_them_or_not(asked: Asked) -> None:
    fill(asked)
    for body, at in (
        (loaded("never-hit", 10, NOW - 30 * DAY), NOW - 30 * DAY),
        (loaded("emptied", 10, NOW - 30 * DAY), NOW - 30 * DAY),
        (loaded("emptied", 0, NOW - 20 * DAY), NOW - 20 * DAY),
        (loaded("state-file", 5, NOW - 20 * DAY), NOW - 20 * DAY),
        (loaded("state-file", 7, NOW - 2 * HOUR), NOW - 2 * HOUR),
        (loaded("later", 7, NOW), NOW + DAY),
    ):
        published(asked, body, at)
    told = asked.client.get("/public-log").json()
    assert told["databases"] == ["never-hit", "state-file"]
    assert [(one["source"], one["entry_count"]) for one in told["lists"]] == [
        ("never-hit", 10),
        ("state-file", 5),
        ("state-file", 7),
    ]
