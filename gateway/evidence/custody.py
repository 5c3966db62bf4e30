"""The chain of custody of a hold: its events in the ledger, with the leaves that stand for them in every export."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from streams.ledger.proof import START, Event, Fault, leaf_of, next_head
from streams.ledger.restoring import sound


@dataclass(frozen=True)
class Custody:
    """The events about a hold, and the ledger's head after its last event `offset`."""

    events: tuple[Event, ...]
    offset: int
    head: bytes


def custody_of(history: Iterable[Event | Fault], hold_id: UUID) -> Custody:
    """Follows the whole ledger. Raises IntegrityError when it is damaged. Keeps: evidence.copy"""
    key, head, offset = str(hold_id).encode(), START, -1
    found = []
    for event in sound(history):
        head, offset = next_head(head, leaf_of(event)), event.offset
        if event.key == key:
            found.append(event)
    return Custody(tuple(found), offset, head)
