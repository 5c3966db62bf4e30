"""Step 9, destroyed: a sweep over all places, in an order that can be cut off anywhere.

    due? -> count -> ledger (started) -> holds take their copies -> destroy -> survivors? -> ledger (certified)

The start is written first: holds that stand in the ledger before it are kept, and the counts survive a crash. What was
started and not certified is finished by the next sweep. Survivors are counted with the predicate that was destroyed
by; one that stays is an IntegrityError, and a place that cannot be counted is not empty: no certificate until it can.
Every place is swept again each turn, so what arrives late is gone a minute later.

Keeps: retention.sixty-days
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from platestream.clock import Clock
from platestream.errors import IntegrityError, TransientError
from platestream.metrics import DESTROYED, OLDEST_READ_SECONDS, SURVIVORS, SWEEPS, UNKNOWN
from platestream.retention import first_kept
from platestream.settings import RetentionSettings
from sinks.holds.state import HoldsState
from sinks.retention.place import Place
from sinks.retention.waiting import Waiting
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.holding import (
    DestructionCertified,
    DestructionStarted,
    HoldCount,
    HoldEnded,
    PlaceCount,
    PlaceDestroyed,
)
from streams.ledger.ledger import Ledger

ACTOR = "storage"
_HOLD_METHOD = (
    "partitions of reads and alerts dropped, key and pictures destroyed, removed from backups within reach; "
    "rows, parts and files counted"
)

_log = logging.getLogger(__name__)


class Holder(Protocol):
    """Keeps what holds are about. All methods raise TransientError when a store is away."""

    def copy_due(self, state: HoldsState, before: datetime, now: datetime) -> None:
        """Copy into the holds all that they are about and that was collected before this time."""
        ...

    def count(self, hold_id: UUID) -> HoldCount: ...

    def destroy(self, hold_id: UUID) -> None: ...

    def survivors(self, hold_id: UUID) -> int: ...

    def count_collected_before(self, before: datetime) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """`sweep` now and then; one process of an installation does."""

    ledger: Ledger[HoldsState]
    clock: Clock
    places: Sequence[Place]
    holder: Holder
    limits: RetentionSettings
    waiting: Waiting = field(default_factory=Waiting)

    def sweep(self) -> bool:
        """Finish what was started, then destroy what is due. False when nothing was.

        Raises IntegrityError when something survives, TransientError when a place or the ledger is away: nothing is
        certified then, and the next sweep goes on.
        """
        state = self.ledger.replay_all()
        if state.unfinished:
            self._finish(state, state.unfinished)
            state = self.ledger.replay_all()
        started = self._plan(state)
        if started:
            self._finish(self.ledger.replay_to(self._write(started, started.sweep_id)), started)
        self._tell_ages()
        return started is not None

    def _plan(self, state: HoldsState) -> DestructionStarted | None:
        now = self.clock.now()
        before = first_kept(now, self.limits.days)
        found = self._count(before)
        grace = timedelta(days=self.limits.grace_days)
        ending = [hold.id for hold in state.holds.values() if hold.is_due(now, grace)]
        is_new_day = state.certified_before is None or before > state.certified_before
        if not is_new_day and not ending and not any(found.values()):
            return None
        return DestructionStarted(
            sweep_id=uuid4(),
            collected_before=before,
            found=tuple(PlaceCount(place=name, count=count) for name, count in found.items()),
            ending=tuple(self.holder.count(hold_id) for hold_id in ending),
        )

    def _finish(self, state: HoldsState, started: DestructionStarted) -> None:
        for hold in started.ending:
            self.holder.destroy(hold.hold_id)
        self._destroy(state, started)
        for hold in started.ending:
            if hold.hold_id in state.holds:
                self._end_hold(hold)
        self._certify(started)

    def _destroy(self, state: HoldsState, started: DestructionStarted) -> None:
        """Until nothing is left, as long as patience lasts: mark, let holds take their copies, destroy what is marked.

        So a read that is stored meanwhile is not destroyed before a hold had its chance.
        """
        before = started.collected_before
        deadline = time.monotonic() + self.waiting.patience_seconds
        while True:
            for place in self.places:
                place.mark(before)
            self.holder.copy_due(state, before, self.clock.now())
            for place in self.places:
                place.destroy(before)
            left = self._left(started)
            if not left or time.monotonic() >= deadline:
                break
            self.waiting.sleep(self.waiting.pause_seconds)
        if left:
            self._alarm(started, left)

    def _left(self, started: DestructionStarted) -> dict[str, int | None]:
        """Places where something survives or nobody knows, each with the count."""
        left: dict[str, int | None] = {place.name: place.due(started.collected_before) for place in self.places}
        left |= {f"hold {hold.hold_id}": self.holder.survivors(hold.hold_id) for hold in started.ending}
        return {name: count for name, count in left.items() if count != 0}

    def _alarm(self, started: DestructionStarted, left: Mapping[str, int | None]) -> None:
        for name, count in left.items():
            (UNKNOWN if count is None else SURVIVORS).labels(_label(name)).set(1 if count is None else count)
        survivors = [name for name, count in left.items() if count is not None]
        if not survivors:
            SWEEPS.labels("unknown").inc()
            raise TransientError(
                f"Nobody knows what is left in {_listed(left)}; nothing is certified until it answers."
            )
        SWEEPS.labels("survivors").inc()
        found = {count.place: count.count for count in started.found}
        untouched = [name for name in survivors if left[name] == found.get(name)]
        raise IntegrityError(
            f"Reads that are due for destruction survive in {_listed(survivors)}"
            + (f"; the sweep destroyed nothing in {_listed(untouched)}" if untouched else "")
            + ". Nothing is certified. Find out what keeps them there, then start storage again: it goes on sweeping."
        )

    def _end_hold(self, hold: HoldCount) -> None:
        ended = HoldEnded(
            hold_id=hold.hold_id,
            read_count=hold.read_count,
            picture_count=hold.picture_count,
            method=_HOLD_METHOD,
        )
        self._write(ended, hold.hold_id)

    def _certify(self, started: DestructionStarted) -> None:
        found = {count.place: count.count for count in started.found}
        before = started.collected_before
        certificate = DestructionCertified(
            sweep_id=started.sweep_id,
            collected_before=before,
            places=tuple(
                PlaceDestroyed(place=place.name, destroyed=found.get(place.name), survivors=0, method=place.method)
                for place in self.places
            ),
            held_reads=self.holder.count_collected_before(before),
        )
        self._write(certificate, started.sweep_id)
        for place in self.places:
            DESTROYED.labels(place.name).inc(found.get(place.name, 0))
            SURVIVORS.labels(place.name).set(0)
        SWEEPS.labels("certified").inc()
        _log.info("certified: nothing collected before %s is left but what holds keep", before.date())

    def _count(self, before: datetime) -> dict[str, int]:
        """What is due, by place. A place that does not answer is left out, and said."""
        found = {}
        for place in self.places:
            count = place.due(before)
            UNKNOWN.labels(place.name).set(count is None)
            if count is None:
                _log.error("%s does not say what is overdue there; nothing is certified until it does", place.name)
            else:
                found[place.name] = count
        return found

    def _tell_ages(self) -> None:
        now = self.clock.now()
        for place in self.places:
            oldest = place.oldest()
            OLDEST_READ_SECONDS.labels(place.name).set((now - oldest).total_seconds() if oldest else 0)

    def _write(self, body: Body, subject: UUID) -> int:
        return self.ledger.append(new_event(body, at=self.clock.now(), actor_id=ACTOR, subject_id=str(subject)))


def _label(name: str) -> str:
    """Labels are a closed set; the hold stands in the log."""
    return "holds" if name.startswith("hold ") else name


def _listed(names: Sequence[str] | Mapping[str, int | None]) -> str:
    return ", ".join(names)
