"""Which holds stand and which sweep is unfinished: a pure fold of the ledger's events.

An investigation is active until it is said to be over; then its data waits for the date of the retention schedule. One
that nobody attests any more lapses: it takes no more reads, and is destroyed after a time of grace. What someone
charged has asked for is kept until the charge is disposed of, however late the attestation is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from schemas.messages import LedgerEvent
from streams.ledger.events import body_of
from streams.ledger.holding import HOLDING, DestructionCertified, DestructionStarted, HoldChanged, HoldEnded, HoldOpened

_KINDS = {body.kind for body in HOLDING}


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One hold as the ledger has it. `sealed` has the plates or read ids it names."""

    opened: HoldOpened
    sealed: tuple[bytes, ...] = field(default=(), repr=False)
    attested_until: datetime
    destroy_at: datetime | None = None
    is_disposed: bool = False

    @property
    def id(self) -> UUID:
        return self.opened.hold_id

    @property
    def is_investigation(self) -> bool:
        return self.opened.hold_kind == "investigation"

    def is_lapsed(self, now: datetime) -> bool:
        """Nobody said in time that it is needed still."""
        return self.destroy_at is None and not self.is_disposed and now >= self.attested_until

    def is_active_investigation(self, now: datetime) -> bool:
        """Keeps even reads of a suppressed plate."""
        return self.is_investigation and self.destroy_at is None and not self.is_lapsed(now)

    def takes_reads(self, now: datetime) -> bool:
        """Whether matching reads are copied into it. Keeps: evidence.copy"""
        return not self.is_disposed if not self.is_investigation else self.is_active_investigation(now)

    def is_due(self, now: datetime, grace: timedelta) -> bool:
        """Whether the next sweep destroys what it keeps. Keeps: retention.inactive, retention.exculpatory"""
        if not self.is_investigation:
            return self.is_disposed
        return now >= (self.destroy_at or self.attested_until + grace)


@dataclass(frozen=True, kw_only=True)
class HoldsState:
    """Holds that have not ended, by id; the sweep that was started and not certified; until when all is certified."""

    holds: Mapping[UUID, Hold] = field(default_factory=lambda: MappingProxyType({}))
    unfinished: DestructionStarted | None = None
    certified_before: datetime | None = None


def fold_holds(state: HoldsState, offset: int, event: LedgerEvent) -> HoldsState:
    """The state after one more event. Order counts, not the writers' clocks."""
    body = body_of(event) if event.kind in _KINDS else None
    if isinstance(body, HoldOpened):
        hold = Hold(opened=body, sealed=event.sealed, attested_until=body.attested_until)
        return state if body.hold_id in state.holds else _with(state, hold)
    if isinstance(body, HoldChanged):
        found = state.holds.get(body.hold_id)
        return _with(state, _changed(found, body)) if found else state
    if isinstance(body, HoldEnded):
        left = {id_: hold for id_, hold in state.holds.items() if id_ != body.hold_id}
        return replace(state, holds=MappingProxyType(left))
    if isinstance(body, DestructionStarted):
        return replace(state, unfinished=body)
    if isinstance(body, DestructionCertified):
        before = max(state.certified_before or body.collected_before, body.collected_before)
        return replace(state, unfinished=None, certified_before=before)
    return state


def _changed(hold: Hold, body: HoldChanged) -> Hold:
    """An attestation makes an investigation that was over active again; a disposition stands."""
    if body.attested_until is not None:
        return replace(hold, attested_until=body.attested_until, destroy_at=None)
    if body.change == "disposed":
        return replace(hold, is_disposed=not hold.is_investigation)
    return replace(hold, destroy_at=body.destroy_at if hold.is_investigation else None)


def _with(state: HoldsState, hold: Hold) -> HoldsState:
    return replace(state, holds=MappingProxyType({**state.holds, hold.id: hold}))
