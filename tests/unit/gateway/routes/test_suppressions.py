"""Requests of chapter 5B: their keeper alone sees them; to all others everything is as if there were none."""

import logging
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from gateway.access.administration import act
from streams.ledger.people import ROLES, RoleAssigned
from tests.asking import ANALYST, COMMANDER, PLATE, found_program, found_read, let_in, search_body
from tests.unit.gateway.conftest import Asked

KEEPER = "keeper-5"


@pytest.fixture
def ready(asked: Asked) -> Asked:
    found_program(asked.ledger, asked.clock)
    act(asked.ledger, asked.clock, RoleAssigned(person_id=KEEPER, role="5b-keeper"), by=COMMANDER, about=KEEPER)
    return asked


def post(asked: Asked, path: str, body: Any, person_id: str = KEEPER) -> Any:
    return asked.client.post(path, json=body, headers=asked.token(person_id))


def counted() -> dict[str, bytes]:
    """All metrics but those of Python itself."""
    lines = generate_latest(REGISTRY).splitlines()
    return {line.rpartition(b" ")[0].decode(): line for line in lines if line.startswith(b"platestream")}


@pytest.mark.rule("retention.suppressed")
def test_the_keeper_puts_plates_on_the_list_sees_them_and_takes_them_off(ready: Asked) -> None:
    assert post(ready, "/v1/suppressions", {"plate": "klm-0i5"}).status_code == 204
    [shown] = ready.client.get("/v1/suppressions", headers=ready.token(KEEPER)).json()
    assert (shown["plate"], shown["is_in_force"]) == ("KLM015", True)
    assert post(ready, "/v1/suppressions/ended", {"plate": PLATE}).status_code == 204
    assert not ready.client.get("/v1/suppressions", headers=ready.token(KEEPER)).json()[0]["is_in_force"]


@pytest.mark.rule("retention.suppressed")
def test_what_the_keeper_does_is_in_no_ledger_metric_or_log(ready: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post(ready, "/v1/suppressions", {"plate": PLATE})
    before, written, lines = counted(), list(ready.ledger.log), len(own(caplog))
    for body in ({"plate": PLATE}, {"plate": "no plate at all"}, {}):
        post(ready, "/v1/suppressions", body)
        post(ready, "/v1/suppressions/ended", body)
    ready.client.get("/v1/suppressions", headers=ready.token(KEEPER))
    assert ready.ledger.log == written
    assert counted() == before
    assert len(own(caplog)) == lines == 0


def own(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name.startswith(("gateway", "streams", "platestream"))]


@pytest.mark.rule("retention.suppressed")
@pytest.mark.parametrize("role", [role for role in ROLES if role != "5b-keeper"])
def test_all_others_are_refused_alike_whatever_is_on_the_list(ready: Asked, role: Any) -> None:
    if role != "commander":
        act(ready.ledger, ready.clock, RoleAssigned(person_id="other", role=role), by=COMMANDER, about="other")
    person = COMMANDER if role == "commander" else "other"
    answers = []
    for plate in (PLATE, "ABC123"):
        refused = [
            post(ready, path, {"plate": PLATE}, person) for path in ("/v1/suppressions", "/v1/suppressions/ended")
        ]
        refused.append(ready.client.get("/v1/suppressions", headers=ready.token(person)))
        answers.append([(answer.status_code, answer.content) for answer in refused])
        post(ready, "/v1/suppressions", {"plate": plate})
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0]} == {403}
    assert ready.list.plates == {"KLM015": None, "ABC123": None}


@pytest.mark.rule("retention.suppressed")
def test_a_search_answers_and_writes_the_same_with_and_without_a_request(ready: Asked) -> None:
    """What is stored of a suppressed plate goes with the sweep; the gateway itself makes no difference."""
    let_in(ready.ledger, ready.clock)
    ready.reads.reads.append(found_read())

    def told() -> tuple[Any, int]:
        before = len(ready.ledger.log)
        answer = ready.search(search_body(), ANALYST).json()
        rows = [{**row, "pictures": len(row["pictures"])} for row in answer["rows"]]  # links are the search's own
        return rows, len(ready.ledger.log) - before

    without = told()
    post(ready, "/v1/suppressions", {"plate": PLATE})
    assert told() == without
