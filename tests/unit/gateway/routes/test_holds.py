"""Holds over HTTP: who opens, changes and sees them, and what the ledger says of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.access.administration import act
from gateway.routes.examples import EXCULPATORY, HOLD
from sinks.holds.acts import HoldKey
from sinks.holds.state import HoldsState, fold_holds
from streams.ledger.memory import MemoryLedger
from streams.ledger.people import RoleAssigned
from tests.asking import ADMINISTRATOR, ANALYST, COMMANDER, found_program
from tests.unit.gateway.conftest import Asked


@pytest.fixture
def ready(asked: Asked) -> Asked:
    found_program(asked.ledger, asked.clock)
    act(asked.ledger, asked.clock, RoleAssigned(person_id=ANALYST, role="investigator"), by=COMMANDER, about=ANALYST)
    return asked


def post(asked: Asked, path: str, body: Any, person_id: str = ANALYST) -> Any:
    return asked.client.post(path, json=body, headers=asked.token(person_id))


def state(asked: Asked) -> HoldsState:
    return MemoryLedger(asked.ledger._codec, fold_holds, HoldsState(), log=asked.ledger.log).replay_all()


@pytest.mark.rule("evidence.copy")
def test_an_investigators_hold_is_in_the_ledger_with_its_plate_sealed(ready: Asked) -> None:
    answer = post(ready, "/v1/holds", HOLD)
    assert answer.status_code == 201
    hold = state(ready).holds[UUID(answer.json()["hold_id"])]
    assert (hold.is_investigation, hold.opened.opened_by) == (True, ANALYST)
    assert HoldKey(ready.settings).named_by(hold).plates == ("ABC123",)
    event = ready.ledger.events()[answer.json()["offset"]]
    assert "ABC123" not in event.body
    [shown] = ready.client.get("/v1/holds", headers=ready.token()).json()
    assert (shown["case_number"], shown["selected_by"], shown["takes_reads"]) == (HOLD["case_number"], "plate", True)
    assert "ABC123" not in str(shown)


@pytest.mark.rule("retention.exculpatory")
def test_a_charged_persons_request_is_an_administrators_act_and_ends_with_the_disposition(ready: Asked) -> None:
    assert post(ready, "/v1/exculpatory-requests", EXCULPATORY).status_code == 403
    answer = post(ready, "/v1/exculpatory-requests", EXCULPATORY, ADMINISTRATOR)
    hold_id = answer.json()["hold_id"]
    assert not state(ready).holds[UUID(hold_id)].is_investigation
    over = {"change": "inactive", "document_id": "s", "destroy_at": "2027-03-10T12:00:00Z"}
    refused = post(ready, f"/v1/holds/{hold_id}/changes", over, ADMINISTRATOR)
    assert (refused.status_code, refused.json()["rule"]) == (403, "retention.exculpatory")
    assert ready.ledger.events()[-1].kind == "act-refused"
    disposed = {"change": "disposed", "document_id": "judgment-1"}
    assert post(ready, f"/v1/holds/{hold_id}/changes", disposed, ADMINISTRATOR).status_code == 201
    assert state(ready).holds[UUID(hold_id)].is_disposed


@pytest.mark.rule("retention.inactive")
def test_a_hold_is_attested_again_and_ends_by_its_schedule(ready: Asked) -> None:
    hold_id = post(ready, "/v1/holds", HOLD | {"attested_days": 10}).json()["hold_id"]
    attested = {"change": "attested", "document_id": "memo-2", "attested_days": 100}
    assert post(ready, f"/v1/holds/{hold_id}/changes", attested).status_code == 201
    assert state(ready).holds[UUID(hold_id)].attested_until == ready.clock.now() + timedelta(days=100)
    too_long = post(ready, f"/v1/holds/{hold_id}/changes", attested | {"attested_days": 400})
    assert (too_long.status_code, too_long.json()["rule"]) == (403, "retention.inactive")


@pytest.mark.parametrize(
    "change",
    [
        {"change": "attested"},
        {"change": "inactive"},
        {"change": "disposed", "attested_days": 3},
        {"change": "inactive", "destroy_at": "9999-12-31T23:59:59Z"},
        {"change": "ended"},
    ],
)
def test_a_change_that_says_too_little_or_too_much_is_malformed(ready: Asked, change: dict[str, Any]) -> None:
    answer = post(ready, f"/v1/holds/{uuid4()}/changes", change | {"document_id": "d"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "fields",
    [
        {"plates": []},
        {"selection": {"by": "reads", "read_count": 2}, "plates": [], "read_ids": [str(uuid4())]},
        {"attested_days": 3650},
    ],
)
def test_a_hold_that_names_nothing_or_stands_too_long_is_refused_and_written_down(
    ready: Asked, fields: dict[str, Any]
) -> None:
    assert post(ready, "/v1/holds", HOLD | fields).status_code == 403
    assert ready.ledger.events()[-1].kind == "act-refused"
    assert not state(ready).holds
