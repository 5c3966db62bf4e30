"""Searches by other things than one plate, on doubles: what they ask for, what is sealed of them, what counts."""

import base64
import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.routes.answers import NOTICE
from sinks.clickhouse.reads import StoredRead, TooCostly
from streams.ledger.sealing import load_seals
from tests.asking import ANALYST, NOW, PLATE, found_read, let_in, opened, revoke, search_body
from tests.unit.gateway.conftest import Asked

HOUR = timedelta(hours=1)
HERE = {"latitude": 44.95, "longitude": -93.09, "radius_metres": 200}


@pytest.fixture
def ready(asked: Asked) -> Asked:
    let_in(asked.ledger, asked.clock)
    return asked


def body(**fields: Any) -> dict[str, Any]:
    return search_body(**{"plate": None, **fields})


def plates(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["plate"] for row in answer.json()["rows"]]


def kept(ready: Asked, *found: str, **fields: Any) -> list[StoredRead]:
    """Reads an hour apart, the first the newest."""
    reads = [replace(found_read(plate, NOW - (1 + at) * HOUR), **fields) for at, plate in enumerate(found)]
    ready.reads.reads += reads
    return reads


@pytest.mark.parametrize(
    ("match", "found"), [("exact", [PLATE]), ("folded", [PLATE, "KLMO15"]), ("look-alike", [PLATE, "KLMO15", "KLMD15"])]
)
def test_a_plate_is_found_as_alike_as_was_asked(ready: Asked, match: str, found: list[str]) -> None:
    kept(ready, PLATE, "KLMO15", "KLMD15", "KLMDI6")
    assert plates(ready.search(search_body(match=match))) == found


def test_the_last_read_of_a_plate_is_told_alone(ready: Asked) -> None:
    newest, _ = kept(ready, PLATE, PLATE)
    content = ready.search(search_body(), path="/last-seen").json()
    assert [row["read_id"] for row in content["rows"]] == [str(newest.read_id)]
    assert content["cursor"] is None


def test_a_pattern_finds_what_fits_it_and_is_sealed(ready: Asked) -> None:
    kept(ready, "KLM0I5", "KLMO17", "XKLM01", "KLM1I5")
    answer = ready.search(
        body(pattern="klm-o*", reason="Find the car KLM017 or KLM0* of the complainant"), path="/partial"
    )
    assert plates(answer) == ["KLM0I5", "KLMO17"]
    requested = ready.ledger.events()[-3]
    assert '"search":"partial"' in requested.body
    assert "KLM" not in requested.body
    assert "Find the car [plate] or [plate] of the complainant" in requested.body
    assert requested.plate_hash is None
    assert opened(requested.sealed, ready.private_key_file)["pattern"] == "KLMO*"


@pytest.mark.parametrize("pattern", ["*", "AB?*", "", "A;C", "A" * 21])
def test_a_pattern_with_too_little_in_it_is_no_search(ready: Asked, pattern: str) -> None:
    answer = ready.search(body(pattern=pattern), path="/partial")
    assert answer.status_code == 422
    assert not ready.kinds()


@pytest.mark.rule("tracking.gate")
def test_patterns_that_come_down_to_one_plate_count_as_searches_for_it(ready: Asked) -> None:
    kept(ready, PLATE)
    patterns = ["KLM0?5", "KL*I5", "?LM015", "K?MO15"]
    assert [ready.search(body(pattern=pattern), path="/partial").status_code for pattern in patterns] == [200] * 4
    assert ready.ledger.events()[-1].plate_hash == load_seals(ready.settings).hash_plate(PLATE)
    assert ready.search(search_body(plate="KLMD15", match="look-alike")).status_code == 200
    for again in (
        ready.search(body(pattern="KLM?15"), path="/partial"),
        ready.search(search_body(plate="KLM01S", match="look-alike")),
        ready.search(search_body()),
    ):
        assert (again.status_code, again.json()["rule"]) == (403, "tracking.gate")
        assert PLATE not in again.text
    assert '"is_allowed":false' in ready.ledger.events()[-1].body
    kept(ready, "KLM0I6")
    assert len(plates(ready.search(body(pattern="KLM0I?"), path="/partial"))) == 2


@pytest.mark.rule("penalty.detect")
def test_a_pattern_under_changing_reasons_over_days_is_flagged_like_its_plate(ready: Asked) -> None:
    for day, reason in enumerate(["a stolen car", "a witness statement", "the missing trailer"]):
        kept(ready, PLATE)
        now = ready.clock.now()
        fields = search_body(now, plate=None, pattern="KLM0I*", reason=f"Look into {reason}")
        assert ready.search(fields, path="/partial").status_code == 200, day
        ready.clock.advance(timedelta(days=1))
    flags = ready.ledger.replay_all().flags.values()
    assert [flag.flagged.detector for flag in flags] == ["same-plate"]


def test_an_area_finds_what_was_read_in_it(ready: Asked) -> None:
    kept(ready, PLATE)
    kept(ready, "FAR123", latitude=44.96)
    corners = [
        {"latitude": north, "longitude": east} for north, east in ((44.94, -93.1), (44.955, -93.1), (44.95, -93))
    ]
    for area in (HERE, {"points": corners}):
        assert plates(ready.search(body(area=area), path="/area")) == [PLATE]
    sealed = opened(ready.ledger.events()[-3].sealed, ready.private_key_file)
    assert sealed["area"] == {"points": corners}
    assert "44.94" not in ready.ledger.events()[-3].body


@pytest.mark.parametrize(
    "area",
    [
        {**HERE, "radius_metres": 0},
        {**HERE, "radius_metres": 60_000},
        {**HERE, "latitude": 91},
        {"points": [{"latitude": 1, "longitude": 1}] * 2},
        {"points": [{"latitude": 1, "longitude": 1}] * 3},
        {**HERE, "points": []},
        None,
    ],
)
def test_an_area_that_is_none_is_no_search(ready: Asked, area: Any) -> None:
    assert ready.search(body(area=area), path="/area").status_code == 422
    assert not ready.kinds()


def test_readers_are_searched_by_their_ids(ready: Asked) -> None:
    kept(ready, PLATE, device_id="device-2")
    kept(ready, "OTHER1")
    assert plates(ready.search(body(device_ids=["device-2"]), path="/reader")) == [PLATE]


def test_plates_that_were_at_every_place_are_found_with_their_reads_there(ready: Asked) -> None:
    kept(ready, PLATE, "ONCE11")
    kept(ready, "KLMOI5", "ELSE11", device_id="device-2", latitude=45.0)
    kept(ready, PLATE, device_id="device-3", latitude=45.0)
    places = [{"area": HERE}, {"device_ids": ["device-2"]}]
    assert set(plates(ready.search(body(places=places), path="/places"))) == {PLATE, "KLMOI5"}
    late = {"device_ids": ["device-2"], "collected_until": (NOW - 2 * HOUR).isoformat()}
    assert plates(ready.search(body(places=[{"area": HERE}, late]), path="/places")) == []


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"area": HERE, "device_ids": ["device-1"]},
        {"device_ids": []},
        {"area": HERE, "collected_from": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_a_place_that_is_none_is_no_search(ready: Asked, place: Any) -> None:
    assert ready.search(body(places=[{"area": HERE}, place]), path="/places").status_code == 422
    assert not ready.kinds()


def test_states_and_confidence_narrow_an_answer(ready: Asked) -> None:
    kept(ready, "MINN11")
    kept(ready, "WISC11", state="WI", confidence=0.9)
    kept(ready, "NONE11", state=None, confidence=None)
    assert plates(ready.search(body(area=HERE, states=["WI", "IA"]), path="/area")) == ["WISC11"]
    assert plates(ready.search(body(area=HERE, least_confidence=0.905), path="/area")) == ["MINN11"]
    assert ready.search(body(area=HERE, states=["wisconsin"]), path="/area").status_code == 422


def pages(ready: Asked, fields: dict[str, Any], path: str) -> list[Any]:
    found, cursor = [], None
    while not found or cursor:
        answer = ready.search({**fields, **({"cursor": cursor} if cursor else {})}, path=path)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        cursor = found[-1]["cursor"]
    return found


def test_pages_tell_everything_once_and_are_one_search_for_the_gate(ready: Asked) -> None:
    reads = kept(ready, *[PLATE] * 15)
    found = pages(ready, search_body(row_limit=2), "")
    assert [row["read_id"] for page in found for row in page["rows"]] == [str(read.read_id) for read in reads]
    assert [page["is_truncated"] for page in found] == [True] * 7 + [False]
    requests = [json.loads(event.body) for event in ready.ledger.events() if event.kind == "search-requested"]
    assert [request["page_of"] for request in requests] == [None] + [found[0]["search_id"]] * 7
    assert len(ready.ledger.replay_all().searches_for(load_seals(ready.settings).hash_plate(PLATE))) == 1


def test_a_cursor_is_for_its_person_its_search_and_its_time(ready: Asked) -> None:
    let_in(ready.ledger, ready.clock, "analyst-8")
    kept(ready, *[PLATE] * 3)
    cursor = ready.search(search_body(row_limit=2)).json()["cursor"]
    before = len(ready.kinds())
    for wrong in (
        ready.search(search_body(cursor=cursor), person_id="analyst-8"),
        ready.search(search_body(cursor=cursor, plate="KLM0I6")),
        ready.search(search_body(cursor=cursor, case_number="26-012346")),
        ready.search(search_body(cursor=cursor[:9] + ("A" if cursor[9] != "A" else "B") + cursor[10:])),
        ready.search(search_body(cursor="é")),
        ready.search(body(cursor=cursor, pattern=PLATE), path="/partial"),
    ):
        assert wrong.status_code == 422
    ready.clock.advance(HOUR)
    assert ready.search(search_body(cursor=cursor)).status_code == 422
    assert len(ready.kinds()) == before


@pytest.mark.rule("access.list")
def test_a_page_is_decided_on_like_any_search(ready: Asked) -> None:
    kept(ready, *[PLATE] * 3)
    cursor = ready.search(search_body(row_limit=2)).json()["cursor"]
    revoke(ready.ledger, ready.clock)
    assert ready.search(search_body(row_limit=2, cursor=cursor)).status_code == 403


@pytest.mark.rule("share.notice")
def test_a_table_has_the_notice_and_the_same_reads(ready: Asked) -> None:
    kept(ready, PLATE, "KLMO15", "KLM015", device_id="=HYPERLINK(1)")
    answer = ready.search(search_body(row_limit=2), path="?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    [notice], names, *rows = csv.reader(io.StringIO(answer.text))
    assert notice == NOTICE
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    assert [row["plate"] for row in cells] == [PLATE, "KLMO15"]
    assert {row["device_id"] for row in cells} == {"'=HYPERLINK(1)"}
    assert cells[0]["pictures"].startswith("/v1/pictures/")
    assert cells[0]["destroy_by"] == "2026-05-09"
    cursor = answer.headers["platestream-cursor"]
    rest = ready.search(search_body(row_limit=2, cursor=cursor), path="?format=csv")
    assert "KLM015" in rest.text
    assert rest.headers["platestream-cursor"] == ""
    assert ready.search(search_body(), path="?format=xml").status_code == 422


def test_a_search_that_reads_too_much_is_written_down_and_told_so(
    ready: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: Any) -> list[StoredRead]:
        raise TooCostly("too-costly", "Ask for less.")

    monkeypatch.setattr(ready.reads, "find", find)
    answer = ready.search(body(area=HERE), path="/area")
    assert (answer.status_code, answer.json()["detail"]) == (422, "Ask for less.")
    assert '"outcome":"failed"' in ready.ledger.events()[-1].body


def test_one_person_has_three_searches_under_way_at_most(ready: Asked) -> None:
    answers: list[Any] = []

    def find(*_: Any) -> list[StoredRead]:  # each asks the next one while it is under way itself
        answers.append(ready.search(search_body(plate=f"OTHER{len(ready.kinds())}")))
        return []

    ready.reads.find = find  # type: ignore[method-assign]
    assert ready.search(search_body()).status_code == 200
    assert [answer.status_code for answer in answers] == [429, 200, 200]
    assert answers[0].headers["retry-after"]
    assert len(ready.kinds()) == 9


def test_who_is_told_stands_in_no_cursor_or_link(ready: Asked) -> None:
    kept(ready, PLATE, PLATE)
    content = ready.search(search_body(row_limit=1)).json()
    link = content["rows"][0]["pictures"][0]["link"].rpartition("/")[2]
    for text in (content["cursor"], link):
        written = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assert not any(word.encode() in written for word in (PLATE, ANALYST))
