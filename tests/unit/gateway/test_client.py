"""The client of programs, against the gateway itself: what it gives, and what it makes of problems."""

from uuid import UUID

import pytest

from gateway.client import GatewayClient
from gateway.evidence.verify import verify
from gateway.routes.examples import EVIDENCE, EXCULPATORY, HOLD
from platestream.errors import InvalidMessage, RefusedError, TransientError
from tests.asking import ADMINISTRATOR, ANALYST, COMMANDER, found_program, found_read, let_in, search_body
from tests.unit.gateway.conftest import Asked


def client_of(asked: Asked, person_id: str = ANALYST) -> GatewayClient:
    token = asked.token(person_id)["Authorization"].removeprefix("Bearer ")
    return GatewayClient("http://testserver", token, asked.client)


def test_access_is_requested_approved_authorized_and_used(asked: Asked) -> None:
    found_program(asked.ledger, asked.clock)
    analyst, commander = client_of(asked), client_of(asked, COMMANDER)
    analyst.act("access-requested", {"assignment": "auto theft", "purpose": "stolen cars"})
    [waiting] = commander.show("/v1/access-requests")
    assert waiting["person_id"] == ANALYST
    span = {"from_at": "2026-03-09T00:00:00Z", "until_at": "2026-06-01T00:00:00Z"}
    commander.act("role-assigned", {"person_id": ANALYST, "role": "investigator"})
    commander.act("access-approved", {**waiting, **span, "document_id": "memo-1"})
    authorized = {"person_id": ANALYST, "authorization_id": waiting["authorization_id"]}
    with pytest.raises(RefusedError, match="do not include"):
        commander.act("access-authorized", authorized)  # approval and authorization are acts of two people
    administrator = client_of(asked, ADMINISTRATOR)
    administrator.act("access-authorized", authorized)
    trained = {"person_id": ANALYST, **span, "trained_by": "trainer-3", "document_id": "course-1"}
    administrator.act("training-recorded", trained)
    assert commander.show("/v1/access-requests") == []
    [search] = [one for one in analyst.show("/v1/me")["actions"] if one["action"] == "search"]
    assert search["is_allowed"]
    asked.reads.reads.append(found_read())
    assert analyst.search("plate", search_body())["row_count"] == 1
    administrator.act("authorization-revoked", {"person_id": ANALYST, "reason": "left"})
    with pytest.raises(RefusedError, match="revoked") as refused:
        analyst.search("plate", search_body())
    assert refused.value.rule == "access.list"


def test_holds_are_opened_changed_shown_and_packaged(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock)
    client = client_of(asked)
    hold_id = client.open_hold(HOLD)
    assert [UUID(one["hold_id"]) for one in client.show("/v1/holds")] == [hold_id]
    package = asked.settings.home / "package.zip"
    told: list[tuple[int, int | None]] = []
    with package.open("wb") as out:
        client.evidence(hold_id, EVIDENCE, out, lambda done_bytes, total_bytes: told.append((done_bytes, total_bytes)))
    size = package.stat().st_size
    assert told[-1] == (size, size)
    assert list(verify(package)) == []
    over = {"change": "inactive", "document_id": "schedule-7", "destroy_at": "2027-03-01T00:00:00Z"}
    assert client.change_hold(hold_id, over) > 0
    with pytest.raises(RefusedError):
        client.open_hold(EXCULPATORY, is_exculpatory=True)
    assert client_of(asked, ADMINISTRATOR).open_hold(EXCULPATORY, is_exculpatory=True) != hold_id


def test_problems_become_errors_of_their_kind(asked: Asked) -> None:
    with pytest.raises(InvalidMessage, match="plate"):
        client_of(asked).act("staff-plate-noted", {"person_id": ANALYST})
    with pytest.raises(RefusedError, match="token"):
        GatewayClient("http://testserver", "none", asked.client).show("/v1/me")
    asked.ledger.is_away = True
    with pytest.raises(TransientError, match="nothing was answered"):
        client_of(asked).show("/v1/me")
