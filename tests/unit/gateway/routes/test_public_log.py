"""The public log: open to anyone, hours that are over, numbers alone."""

import csv
import io
from datetime import timedelta

import pytest

from sinks.clickhouse.counting import CollectionCount, HitCount
from tests.asking import NOW
from tests.unit.gateway.conftest import Asked

HOUR = timedelta(hours=1)


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


@pytest.mark.parametrize("days", [{"from": "2026-03-02", "until": "2026-03-02"}, {"from": "2025-01-01"}, {"from": "x"}])
def test_spans_that_are_empty_or_too_long_are_refused(asked: Asked, days: dict[str, str]) -> None:
    assert asked.client.get("/public-log", params=days).status_code == 422


def test_without_the_store_there_is_no_answer(asked: Asked) -> None:
    asked.reads.is_away = True
    assert asked.client.get("/public-log").status_code == 503
