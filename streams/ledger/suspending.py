"""All use suspended by one order, and the order lifted: two events, and the fold of them that every service keeps.

Collector, processor, storage and gateway fold the same events, so one event stops all of them and one lets them go on.
An order counts whoever wrote it; who may lift it is judged before the event is written (gateway/access/suspending.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.messages import LedgerEvent, Name
from streams.ledger.body import Body


class SuspensionOrdered(Body):
    """Collection, matching and queries stop. `ordered_by` has the power to order it, `document_id` is the order."""

    kind = "suspension-ordered"

    document_id: Name
    ordered_by: Name


class SuspensionLifted(Body):
    """Use goes on. What was collected in between stays out."""

    kind = "suspension-lifted"

    document_id: Name


SUSPENDING = (SuspensionOrdered, SuspensionLifted)
SUSPENSION_KINDS = {body.kind for body in SUSPENDING}


@dataclass(frozen=True)
class SuspendedSpan:
    """[from_at, until_at); without end while the order stands."""

    from_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True)
class Suspensions:
    """Every span of time in which use was suspended, oldest first."""

    spans: tuple[SuspendedSpan, ...] = ()

    @property
    def is_in_force(self) -> bool:
        """Whether use is suspended by the last event that was seen."""
        return bool(self.spans) and self.spans[-1].until_at is None

    def covers(self, at: datetime) -> bool:
        """Whether something collected at this time was collected while use was suspended. Keeps: suspension.order"""
        return any(span.from_at <= at and (span.until_at is None or at < span.until_at) for span in self.spans)

    def since(self, at: datetime) -> "Suspensions":
        """Without the spans that were over by then."""
        return Suspensions(tuple(span for span in self.spans if span.until_at is None or span.until_at > at))


NEVER_SUSPENDED = Suspensions()


def fold_suspensions(state: Suspensions, offset: int, event: LedgerEvent) -> Suspensions:
    """The state after one more event. A second order changes nothing, as does a lifting without one."""
    if event.kind not in SUSPENSION_KINDS or state.is_in_force == (event.kind == SuspensionOrdered.kind):
        return state
    if event.kind == SuspensionOrdered.kind:
        return Suspensions((*state.spans, SuspendedSpan(event.at)))
    last = state.spans[-1]
    return Suspensions((*state.spans[:-1], replace(last, until_at=max(event.at, last.from_at))))
