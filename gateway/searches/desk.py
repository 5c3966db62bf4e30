"""The way every search takes, and the only one: no rows leave before the ledger has the answer.

    request -> ledger -> replay to it -> decide on that state -> decision -> ledger -> store -> answer -> ledger -> out

The decision rests on the request's event as it stands in the ledger and on the events before it, so whoever folds the
ledger later comes to the same decision. If the ledger is away at any step, nothing is told.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.access.decisions import Decision, Limits, decide
from gateway.access.state import AccessState
from gateway.searches.plate import Found, PlateQuestion, StoredReads, search_plate
from platestream.clock import Clock
from platestream.errors import IntegrityError, RefusedError
from platestream.metrics import SEARCHES
from schemas.messages import LedgerEvent
from streams.ledger.events import (
    SearchAnswered,
    SearchDecided,
    SearchRequested,
    body_of,
    new_event,
    search_answered,
    search_requested,
)
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import Seals


@dataclass(frozen=True, kw_only=True)
class PlateSearch:
    """One search as asked: who, what, and what they wrote about it."""

    person_id: str = field(repr=False)
    plate: str = field(repr=False)
    asked: SearchRequested = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SearchDesk:
    """Takes searches from any thread."""

    ledger: Ledger[AccessState]
    seals: Seals
    limits: Limits
    reads: StoredReads
    clock: Clock
    retention_days: int

    def ask(self, search: PlateSearch) -> Found:
        """The reads, once the answer is in the ledger. Keeps: query.log, access.list

        Raises RefusedError (its decision is in the ledger, too), TransientError when ledger or store is away,
        IntegrityError when the ledger's history is damaged.
        """
        try:
            decision, now = self._decide(search)
            if not decision.is_allowed:
                raise RefusedError(decision.rule, decision.sentence)
            found = self._find(search, now)
            self._record_answer(search, "answered", found)
        except Exception as error:
            SEARCHES.labels("refused" if isinstance(error, RefusedError) else "failed").inc()
            raise
        SEARCHES.labels("answered").inc()
        return found

    def _decide(self, search: PlateSearch) -> tuple[Decision, datetime]:
        now = self.clock.now()
        requested = search_requested(search.asked, search.plate, at=now, person_id=search.person_id, seals=self.seals)
        state = self.ledger.replay_to(self.ledger.append(requested))
        decision = decide(state, search.person_id, _as_logged(requested), requested.at, self.limits)
        decided = SearchDecided(
            search_id=search.asked.search_id,
            is_allowed=decision.is_allowed,
            rule=decision.rule,
            sentence=decision.sentence,
        )
        self.ledger.append(
            new_event(decided, at=self.clock.now(), actor_id="gateway", subject_id=str(decided.search_id))
        )
        return decision, now

    def _find(self, search: PlateSearch, now: datetime) -> Found:
        question = PlateQuestion(
            plate=search.plate,
            collected_from=search.asked.collected_from,
            collected_until=search.asked.collected_until,
            row_limit=search.asked.row_limit,
        )
        try:
            return search_plate(self.reads, question, now, self.retention_days)
        except Exception:
            self._record_answer(search, "failed", Found((), False))
            raise

    def _record_answer(self, search: PlateSearch, outcome: Literal["answered", "failed"], found: Found) -> None:
        answered = SearchAnswered(
            search_id=search.asked.search_id,
            outcome=outcome,
            row_count=len(found.reads),
            is_truncated=found.is_truncated,
        )
        read_ids = [read.read_id for read in found.reads]
        now = self.clock.now()
        self.ledger.append(search_answered(answered, read_ids, at=now, person_id=search.person_id, seals=self.seals))


def _as_logged(requested: LedgerEvent) -> SearchRequested:
    body = body_of(requested)
    if not isinstance(body, SearchRequested):
        raise IntegrityError("A search was written to the ledger as something else.")
    return body
