"""What holds for every route: the door, the problems, the open pages."""

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.access.route_rules import OPEN_PATHS, check_routes, routes_of
from gateway.door import MAX_BODY_BYTES
from gateway.routes.examples import HOLD
from platestream.errors import ConfigError
from tests.asking import ANALYST, PLATE, example_of, found_read, let_in, operations, search_body, suspend
from tests.unit.gateway.conftest import Asked


@pytest.mark.rule("access.list")
def test_no_route_answers_without_a_token_but_the_open_pages(asked: Asked) -> None:
    seen = set(routes_of(asked.app))
    assert ("POST", "/v1/searches") in seen
    for method, path in seen:
        answer = asked.client.request(method, path)
        assert (answer.status_code == 401) == (path not in OPEN_PATHS), (path, method)
    assert {path for _, path in seen} >= OPEN_PATHS


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=20))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_leads_nowhere_is_behind_the_door_too(asked: Asked, path: str) -> None:
    path = "/x" + path.replace("?", "").replace("#", "")
    assert asked.client.get(path).status_code == 401
    assert asked.client.get(path, headers=asked.token()).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "bearer"])
def test_a_header_that_is_no_token_gets_a_problem(asked: Asked, header: str) -> None:
    before = REGISTRY.get_sample_value("platestream_gateway_searches_total", {"outcome": "unauthenticated"}) or 0
    answer = asked.client.post("/v1/searches", json=search_body(), headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert set(answer.json()) == {"type", "title", "status", "detail", "rule"}
    after = REGISTRY.get_sample_value("platestream_gateway_searches_total", {"outcome": "unauthenticated"})
    assert after == before + 1
    assert not asked.ledger.log


def test_the_body_is_bounded_with_and_without_its_length(asked: Asked) -> None:
    body = b'{"plate": "' + b"A" * MAX_BODY_BYTES + b'"}'
    headers = asked.token() | {"Content-Type": "application/json"}
    chunks = (body[at : at + 1000] for at in range(0, len(body), 1000))
    for content in (body, chunks):
        answer = asked.client.post("/v1/searches", content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_nothing_is_kept_by_whoever_carries_it(asked: Asked) -> None:
    for answer in (asked.client.get("/"), asked.client.get("/none"), asked.search(search_body())):
        assert answer.headers["cache-control"] == "no-store"


def test_open_pages_show_how_to_ask_and_load_nothing_from_afar(asked: Asked) -> None:
    welcome, docs = asked.client.get("/").text, asked.client.get("/docs").text
    assert 'href="/docs"' in welcome
    assert "POST /v1/searches" in docs
    assert "factual_basis" in docs
    assert "<script" not in docs
    assert 'src="' not in docs
    assert asked.client.get("/openapi.json").json()["paths"]["/v1/searches"]["post"]["requestBody"]


KINDS = {
    "PlateSearch": "",
    "LastSeenSearch": "/last-seen",
    "PartialSearch": "/partial",
    "AreaSearch": "/area",
    "ReaderSearch": "/reader",
    "PlacesSearch": "/places",
}


def test_the_example_in_the_description_is_a_search(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock)
    schemas = asked.client.get("/openapi.json").json()["components"]["schemas"]
    for body, path in KINDS.items():
        [example] = schemas[body]["examples"]
        answer = asked.search(example, path=path)
        assert answer.status_code == 200, (path, answer.text)


def test_healthz_means_that_ledger_and_store_answer(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock)
    well = {"ledger": True, "replay": True, "store": True, "suspended": False}
    assert asked.client.get("/healthz").json() == well
    suspend(asked.ledger, asked.clock)
    answer = asked.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, well | {"suspended": True})
    asked.reads.is_away = True
    answer = asked.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, well | {"store": False, "suspended": True})
    asked.ledger.is_away = True
    away = {"ledger": False, "replay": False, "store": False, "suspended": None}
    assert asked.client.get("/healthz").json() == away


def test_healthz_waits_once_for_a_broker_that_is_away(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.ledger.is_away, asked_for = True, []
    monkeypatch.setattr(asked.ledger, "replay_all", lambda: asked_for.append("replay"))
    assert asked.client.get("/healthz").status_code == 503
    assert not asked_for


def test_a_route_without_a_rule_keeps_the_gateway_from_starting(asked: Asked) -> None:
    check_routes(asked.app)
    asked.app.add_api_route("/v1/backdoor", lambda: "open")
    with pytest.raises(ConfigError, match="GET /v1/backdoor"):
        check_routes(asked.app)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/searches", 405), ("POST", "/v1/none", 404)])
def test_what_is_not_served_is_a_problem_too(asked: Asked, method: str, path: str, status: int) -> None:
    answer = asked.client.request(method, path, headers=asked.token())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    if status == 405:
        assert answer.headers["allow"] == "POST"


def test_every_operation_says_its_rule_its_problems_and_has_an_example(asked: Asked) -> None:
    described = asked.client.get("/openapi.json").json()
    for path, operation in operations(described):
        assert operation["x-rule"]
        problems = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert problems
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in problems.values()), path
        if "requestBody" in operation:
            assert example_of(described, operation), path


def test_a_fault_of_our_own_is_a_problem_without_details(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(asked.ledger, asked.clock)
    monkeypatch.setattr(asked.reads, "find", lambda *_: 1 / 0)
    answer = asked.search(search_body())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ZeroDivision" not in answer.text
    assert '"outcome":"failed"' in asked.ledger.events()[-1].body


def test_a_store_that_refuses_everybody_is_away(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(asked.ledger, asked.clock)

    def refuse(*_: object) -> None:
        raise ConfigError("ClickHouse refuses storage.clickhouse_dsn (its error 202).")

    monkeypatch.setattr(asked.reads, "find", refuse)
    answer = asked.search(search_body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert '"outcome":"failed"' in asked.ledger.events()[-1].body


def test_no_log_line_names_a_plate_or_a_person(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    let_in(asked.ledger, asked.clock)
    asked.reads.reads.append(found_read())
    assert asked.search(search_body()).status_code == 200
    assert asked.search(search_body(reason=None)).status_code == 403
    assert asked.search(search_body(collected_from=PLATE)).status_code == 422
    asked.reads.is_away = True
    assert asked.search(search_body()).status_code == 503
    asked.client.get("/v1/people/somebody", headers=asked.token())
    own = [record.getMessage() for record in caplog.records if record.name.startswith(("gateway", "streams"))]
    lines = [line for line in own if line.startswith("request ")]
    assert [line.rpartition(" ms=")[0] for line in lines] == [
        *(f"request method=POST route=/v1/searches status={status}" for status in (200, 403, 422, 503)),
        "request method=GET route=/v1/people/{person_id} status=403",
    ]
    assert "somebody" not in " ".join(own)
    assert not any(word in line for line in (*own, caplog.text) for word in (PLATE, ANALYST))


def test_a_made_up_method_is_not_in_the_log(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert asked.client.request(PLATE, "/v1/searches", headers=asked.token()).status_code == 405
    assert any(record.getMessage().startswith("request method=- ") for record in caplog.records)
    assert not any(PLATE in record.getMessage() for record in caplog.records if record.name.startswith("gateway"))


def test_what_was_sent_is_not_repeated(asked: Asked) -> None:
    answers = [
        asked.client.post("/v1/holds", json=HOLD | {"selection": {"by": PLATE}}, headers=asked.token()),
        asked.search(search_body(match=PLATE)),
        asked.search(search_body(states=[PLATE])),
        asked.search(search_body(plate=None, area={PLATE: 1}), path="/area"),
        asked.search(search_body(**{PLATE: 1})),
    ]
    for answer in answers:
        assert (answer.status_code, PLATE in answer.text) == (422, False)
    assert "'plate', 'readers', 'area', 'reads'" in answers[0].json()["detail"]


@pytest.mark.parametrize(
    "body", [b"[" * 60_000, b'{"a":' * 10_000, b'{"plate":' + b"[" * 900 + b"]" * 900 + b"}", b"9" * 5_000]
)
def test_json_that_is_too_deep_or_too_long_is_a_problem_of_the_client(asked: Asked, body: bytes) -> None:
    headers = asked.token() | {"Content-Type": "application/json"}
    answer = asked.client.post("/v1/searches", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.door.BODY_SECONDS", 0.05)
    headers = [(b"authorization", asked.token()["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/searches", "headers": headers, "query_string": b""}
    sent: list[Any] = []

    async def receive() -> Any:
        if sent or len(parts) == 0:
            await asyncio.sleep(30)
        return parts.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    parts = [{"type": "http.request", "body": b"{", "more_body": True}]
    await asyncio.wait_for(asked.app(scope, receive, send), 10)
    assert sent[0]["status"] == 408
