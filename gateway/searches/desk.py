"""The way every search takes, and the only one: no rows leave before the ledger has the answer.

    request -> ledger -> replay to it -> decide on that state -> decision -> ledger -> store -> answer -> ledger -> out

The decision rests on the request's event as it stands in the ledger and on the events before it, so whoever folds the
ledger later comes to the same decision. If the ledger is away at any step, nothing is told.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from gateway.access.decisions import Decision, decide
from gateway.access.limits import Limits
from gateway.access.memory import past_search
from gateway.access.misuse import detect
from gateway.access.purpose_acts import GATEWAY
from gateway.access.state import AccessState, PastSearch
from gateway.searches.plate import Found, PlateQuestion, StoredReads, search_plate
from platestream.clock import Clock
from platestream.errors import RefusedError
from platestream.metrics import SEARCHES
from streams.ledger.events import (
    SearchAnswered,
    SearchDecided,
    SearchRequested,
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


class SearchRefused(RefusedError):
    """A search that was refused, with the decision that explains it."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.rule, decision.sentence)
        self.decision = decision


@dataclass(frozen=True)
class Answered:
    """What was found, and why it could be told."""

    found: Found
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class SearchDesk:
    """Takes searches from any thread."""

    ledger: Ledger[AccessState]
    seals: Seals
    limits: Limits
    reads: StoredReads
    clock: Clock
    retention_days: int

    def ask(self, search: PlateSearch) -> Answered:
        """The reads, once the answer is in the ledger. Keeps: query.log, access.list

        Raises SearchRefused (its decision is in the ledger, too), TransientError when ledger or store is away,
        IntegrityError when the ledger's history is damaged.
        """
        try:
            decision, now = self._decide(search)
            if not decision.is_allowed:
                raise SearchRefused(decision)
            found = self._find(search, now)
            self._record_answer(search, "answered", found)
        except Exception as error:
            SEARCHES.labels("refused" if isinstance(error, RefusedError) else "failed").inc()
            raise
        SEARCHES.labels("answered").inc()
        return Answered(found, decision)

    def _decide(self, search: PlateSearch) -> tuple[Decision, datetime]:
        now = self.clock.now()
        requested = search_requested(search.asked, search.plate, at=now, person_id=search.person_id, seals=self.seals)
        state = self.ledger.replay_to(self.ledger.append(requested))
        decision = decide(state, requested, self.limits)
        decided = SearchDecided(
            search_id=search.asked.search_id,
            is_allowed=decision.is_allowed,
            rule=decision.rule,
            sentence=decision.sentence,
        )
        self.ledger.append(new_event(decided, at=self.clock.now(), actor_id=GATEWAY, subject_id=str(decided.search_id)))
        self._flag(state, replace(past_search(requested, search.asked), is_allowed=decision.is_allowed))
        return decision, now

    def _flag(self, state: AccessState, search: PastSearch) -> None:
        """What looks like misuse is in the ledger before the answer, whatever the answer is."""
        for flag in detect(state, search, self.limits):
            self.ledger.append(new_event(flag, at=self.clock.now(), actor_id=GATEWAY, subject_id=str(flag.flag_id)))

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
