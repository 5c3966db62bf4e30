"""What the public log tells beside its counts, folded from the ledger: fixed readers and the lists that were loaded."""

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.messages import LedgerEvent
from streams.ledger.events import body_of
from streams.ledger.publishing import PUBLISHING, ListLoaded, ReaderPlaced, ReaderRemoved

PUBLISHING_KINDS = frozenset(body.kind for body in PUBLISHING)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A fixed reader and where it stood in [from_at, until_at); `until_at` is None while it stands there."""

    device_id: str
    latitude: float
    longitude: float
    from_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """A list as it was put in force at `loaded_at`, until its source's next load."""

    source: str
    entry_count: int
    extracted_at: datetime
    loaded_at: datetime


@dataclass(frozen=True, kw_only=True)
class PublicUse:
    """All placements and loads so far, in the ledger's order."""

    placements: tuple[Placement, ...] = ()
    loads: tuple[Load, ...] = ()

    def readers_between(self, start: datetime, end: datetime) -> list[Placement]:
        """Fixed readers that stood somewhere in [start, end), present and former. Keeps: log.public"""
        return [
            place
            for place in self.placements
            if place.from_at < end and (place.until_at is None or start < place.until_at)
        ]

    def lists_between(self, start: datetime, end: datetime) -> list[Load]:
        """Lists that were loaded in [start, end) or were in force when it began; empty ones are none.

        Keeps: log.public
        """
        in_force = {load.source: load for load in self.loads if load.loaded_at <= start}
        fresh = [load for load in self.loads if start < load.loaded_at < end]
        return [load for load in (*in_force.values(), *fresh) if load.entry_count]


def fold_public_use(use: PublicUse, event: LedgerEvent) -> PublicUse:
    """The state after one more event. Order counts, not the writers' clocks."""
    body = body_of(event)
    if isinstance(body, ReaderPlaced):
        placed = Placement(**body.model_dump())
        return replace(use, placements=(*_ended(use, body.device_id, body.from_at), placed))
    if isinstance(body, ReaderRemoved):
        return replace(use, placements=_ended(use, body.device_id, body.until_at))
    if isinstance(body, ListLoaded):
        load = Load(
            source=body.source, entry_count=body.entry_count, extracted_at=body.extracted_at, loaded_at=event.at
        )
        return replace(use, loads=(*use.loads, load))
    return use


def _ended(use: PublicUse, device_id: str, at: datetime) -> tuple[Placement, ...]:
    return tuple(
        replace(place, until_at=max(at, place.from_at))
        if place.device_id == device_id and not place.until_at
        else place
        for place in use.placements
    )
