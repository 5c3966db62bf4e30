"""The way every search takes, and the only one: no rows leave before the ledger has the answer.

    request -> ledger -> replay to it -> decide on that state -> decision -> ledger -> store -> answer -> ledger -> out

The decision rests on the request's event as it stands in the ledger and on the events before it, so whoever folds the
ledger later comes to the same decision. If the ledger is away at any step, nothing is told.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from gateway.access.decisions import Decision, decide, decide_found
from gateway.access.limits import Limits
from gateway.access.memory import past_search
from gateway.access.misuse import detect, detect_by_plate
from gateway.access.purpose_acts import GATEWAY
from gateway.access.state import AccessState, PastSearch
from gateway.searches.finding import Found, StoredReads, find_stored
from gateway.searches.shares import Shares
from platestream.clock import Clock
from platestream.errors import RefusedError
from platestream.metrics import SEARCHES
from sinks.clickhouse.questions import Question
from streams.ledger.events import (
    SearchAnswered,
    SearchDecided,
    SearchRequested,
    new_event,
    search_answered,
    search_requested,
)
from streams.ledger.ledger import Ledger
from streams.ledger.purposes import MisuseFlagged
from streams.ledger.sealing import Seals


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search as asked: who, what, and what they wrote about it.

    `looked_for` is what is sealed of the question. `may_come_down_to_a_plate` when it names none or several, but its
    answer may show one plate alone: that counts as a search for that plate.
    """

    person_id: str = field(repr=False)
    question: Question = field(repr=False)
    looked_for: Mapping[str, Any] = field(repr=False)
    asked: SearchRequested = field(repr=False)
    may_come_down_to_a_plate: bool = False


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


@dataclass(frozen=True)
class _Decided:
    decision: Decision
    state: AccessState
    search: PastSearch


@dataclass(frozen=True, kw_only=True)
class SearchDesk:
    """Takes searches from any thread."""

    ledger: Ledger[AccessState]
    seals: Seals
    limits: Limits
    reads: StoredReads
    clock: Clock
    retention_days: int
    shares: Shares

    def ask(self, search: Search) -> Answered:
        """The reads, once the answer is in the ledger. Keeps: query.log, access.list

        Raises SearchRefused (its decision is in the ledger, too), TooCostly when the store may not work on it any
        longer, TransientError when ledger or store is away, TooManyAtOnce before anything is done, IntegrityError when
        the ledger's history is damaged.
        """
        with self.shares.taken(search.person_id), _counted():
            decided = self._decide(search)
            found = self._find(search, decided.search.at)
            plate = found.only_plate() if search.may_come_down_to_a_plate else None
            if plate is not None:
                self._check_plate(search, decided, plate)
            self._record_answer(search, "answered", found, plate)
            return Answered(found, decided.decision)

    def _decide(self, search: Search) -> _Decided:
        now = self.clock.now()
        requested = search_requested(
            search.asked, search.looked_for, at=now, person_id=search.person_id, seals=self.seals
        )
        state = self.ledger.replay_to(self.ledger.append(requested))
        decision = decide(state, requested, self.limits)
        self._record_decision(search, decision)
        past = replace(past_search(requested, search.asked), is_allowed=decision.is_allowed)
        self._write_flags(detect(state, past, self.limits))
        if not decision.is_allowed:
            raise SearchRefused(decision)
        return _Decided(decision, state, past)

    def _check_plate(self, search: Search, decided: _Decided, plate: str) -> None:
        """What came down to one plate is judged like a search for it, and flagged like one. Keeps: tracking.gate"""
        past = replace(decided.search, plate_hash=self.seals.hash_plate(plate))
        if past.plate_hash == decided.search.plate_hash:
            return
        decision = decide_found(decided.state, past, self.limits)
        if not decision.is_allowed:
            self._record_decision(search, decision)
        self._write_flags(detect_by_plate(decided.state, past, self.limits))
        if not decision.is_allowed:
            raise SearchRefused(decision)

    def _record_decision(self, search: Search, decision: Decision) -> None:
        decided = SearchDecided(
            search_id=search.asked.search_id,
            is_allowed=decision.is_allowed,
            rule=decision.rule,
            sentence=decision.sentence,
        )
        self.ledger.append(new_event(decided, at=self.clock.now(), actor_id=GATEWAY, subject_id=str(decided.search_id)))

    def _write_flags(self, flags: Iterator[MisuseFlagged]) -> None:
        """What looks like misuse is in the ledger before the answer, whatever the answer is."""
        for flag in flags:
            self.ledger.append(new_event(flag, at=self.clock.now(), actor_id=GATEWAY, subject_id=str(flag.flag_id)))

    def _find(self, search: Search, now: datetime) -> Found:
        try:
            return find_stored(self.reads, search.question, search.asked.search_id, now, self.retention_days)
        except Exception:
            self._record_answer(search, "failed", Found((), False))
            raise

    def _record_answer(
        self, search: Search, outcome: Literal["answered", "failed"], found: Found, plate: str | None = None
    ) -> None:
        answered = SearchAnswered(
            search_id=search.asked.search_id,
            outcome=outcome,
            row_count=len(found.reads),
            is_truncated=found.is_truncated,
        )
        event = search_answered(
            answered,
            [read.read_id for read in found.reads],
            at=self.clock.now(),
            person_id=search.person_id,
            seals=self.seals,
            told_plate=plate,
        )
        self.ledger.append(event)


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        SEARCHES.labels("refused" if isinstance(error, RefusedError) else "failed").inc()
        raise
    SEARCHES.labels("answered").inc()
