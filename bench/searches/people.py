"""Analysts who may search, and what the ledger alone takes of a search's time."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bench.errors import BenchError
from bench.searches.asking import CASE, Asked
from gateway.access.administration import act, new_id
from gateway.access.state import AccessState
from gateway.access.tokens import issue_token
from platestream.clock import SystemClock
from platestream.settings import Settings
from streams.ledger.body import Body
from streams.ledger.events import SearchAnswered, SearchRequested, search_answered, search_requested
from streams.ledger.ledger import Ledger
from streams.ledger.people import AccessApproved, AccessAuthorized, ProgramFounded, RoleAssigned, TrainingRecorded
from streams.ledger.purposes import CaseRegistered
from streams.ledger.sealing import load_seals

_COMMANDER, _ADMINISTRATOR = "bench-commander", "bench-administrator"
_CLOCK = SystemClock()
_YEAR = timedelta(days=365)


def found_program(ledger: Ledger[AccessState]) -> None:
    """A commander, an administrator and the case of all searches."""
    founded = ProgramFounded(commander_id=_COMMANDER, administrator_id=_ADMINISTRATOR, document_id="appointment-1")
    act(ledger, _CLOCK, founded, by="bench-chief", about="program")
    case = CaseRegistered(case_number=CASE, offence_category="stolen-vehicle")
    act(ledger, _CLOCK, case, by=_ADMINISTRATOR, about=CASE)


def let_in(ledger: Ledger[AccessState], settings: Settings, person_id: str) -> str:
    """Authorize and train a person; gives their token."""
    now, authorization_id = _CLOCK.now(), new_id()
    span = {"person_id": person_id, "document_id": "memo-1", "from_at": now, "until_at": now + _YEAR}
    approved = {**span, "authorization_id": authorization_id, "assignment": "bench", "purpose": "stolen cars"}
    acts: list[tuple[Body, str]] = [
        (RoleAssigned(person_id=person_id, role="investigator"), _COMMANDER),
        (AccessApproved.model_validate(approved), _COMMANDER),
        (AccessAuthorized(authorization_id=authorization_id, person_id=person_id), _ADMINISTRATOR),
        (TrainingRecorded.model_validate({**span, "trained_by": "bench-trainer"}), _ADMINISTRATOR),
    ]
    for body, by in acts:
        act(ledger, _CLOCK, body, by=by, about=person_id)
    return issue_token(settings, person_id, timedelta(hours=8), _CLOCK)


def acknowledgement_seconds(ledger: Ledger[AccessState], settings: Settings, searches: Sequence[Asked]) -> list[float]:
    """What a search waits for the ledger: its request appended and replayed to, two events more appended.

    Raises BenchError when there are no searches.
    """
    if not searches:
        raise BenchError("There are no searches to measure the ledger with.")
    seals, taken = load_seals(settings), []
    for search in searches:
        asked = SearchRequested.model_validate({**_written(search.body), "search_id": new_id()})
        said: dict[str, Any] = {"at": _CLOCK.now(), "person_id": "bench-nobody", "seals": seals}
        request = search_requested(asked, {"plate": search.body["plate"]}, **said)
        answered = SearchAnswered(search_id=asked.search_id, outcome="answered", row_count=0, is_truncated=False)
        events = [search_answered(answered, [], **said) for _ in range(2)]
        started = time.perf_counter()
        ledger.replay_to(ledger.append(request))
        for event in events:
            ledger.append(event)
        taken.append(time.perf_counter() - started)
    return taken


def _written(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name in SearchRequested.model_fields}
