"""Keeps each hold filled: when it opens, each minute, and before a day is dropped; destroys it when it is due.

Overlapping holds keep a copy each, and each goes with its own hold.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from platestream.clock import to_ms
from platestream.errors import IntegrityError, TransientError
from platestream.metrics import HELD_PICTURES_DIFFER, HELD_READS, HOLDS
from schemas.messages import PictureKind
from sinks.holds.acts import HoldKey, Named
from sinks.holds.copying import HeldReference, HeldRows, Scope, WantedPlate
from sinks.holds.partitions import HeldPartitions
from sinks.holds.state import Hold, HoldsState
from sinks.pictures.held import StoredAs, hold_picture
from sinks.pictures.store import PictureStore, day_of
from sinks.retention.backups import Backups
from streams.ledger.holding import ByPlate, HoldCount

_MOST_A_ROUND = 300  # holds on plates: each that has a new read is one more part, and few parts a second are to be made
_OVERLAP_MS = 15 * 60 * 1000  # an insert that began so long ago has ended, one way or the other

_log = logging.getLogger(__name__)
T = TypeVar("T")


class HoldKeeper:
    """Fills and empties holds. Not safe across threads.

    Its methods raise TransientError when ClickHouse, the picture store or a backup's medium fail.
    """

    def __init__(
        self, rows: HeldRows, partitions: HeldPartitions, pictures: PictureStore, backups: Backups, key: HoldKey
    ) -> None:
        self._rows = rows
        self._partitions = partitions
        self._pictures = pictures
        self._backups = backups
        self._key = key
        self._named: dict[UUID, Named] = {}
        self._looked_ms: dict[UUID, int] = {}  # of each hold that takes reads: the newest read at its last turn
        self._has_picture: set[tuple[UUID, UUID, PictureKind]] = set()

    def follow(self, state: HoldsState, now: datetime) -> None:
        """Copy what is new: everything into holds that take reads since now, else what was stored since its last turn.

        Keeps: evidence.copy
        """
        taking = [hold for hold in state.holds.values() if hold.takes_reads(now)]
        newest_ms, waits = self._rows.newest_ms(), self._waiting(taking)
        fresh = [hold for hold in taking if hold.id not in self._looked_ms]
        known = [hold for hold in taking if hold.id in self._looked_ms]
        recent = Scope(stored_since_ms=max(0, min(self._looked_ms.values(), default=0) - _OVERLAP_MS))
        self._copy_reads([hold for hold in known if hold.id not in waits], recent, now)
        self._copy_reads([hold for hold in known if hold.id in waits], recent, now, suppressed_only=True)
        self._copy_reads(fresh, Scope(), now)
        self._copy_alerts(fresh, Scope())
        self._copy_alerts(taking, recent)
        self._copy_pictures(taking, Scope())
        self._looked_ms = {hold.id: waits.get(hold.id, newest_ms) for hold in taking}
        self._tell(state, now)

    def look_again(self) -> None:
        """Something was taken out of holds by others: do not rely on what was copied before."""
        self._has_picture.clear()

    def copy_due(self, state: HoldsState, before: datetime, now: datetime) -> None:
        """Copy all that was collected before this time into the holds that take reads, whenever it was stored."""
        taking = [hold for hold in state.holds.values() if hold.takes_reads(now)]
        due = Scope(collected_before=before)
        self._copy_reads(taking, due, now)
        self._copy_alerts(taking, due)
        self._copy_pictures(taking, due)

    def count(self, hold_id: UUID) -> HoldCount:
        pictures = self._ask(lambda: self._pictures.count(hold_id).pictures)
        return HoldCount(hold_id=hold_id, read_count=self._partitions.count_reads(hold_id), picture_count=pictures)

    def destroy(self, hold_id: UUID) -> None:
        """Drop rows, destroy key and pictures, and what backups within reach have. Safe to repeat.

        Keeps: retention.inactive, retention.exculpatory
        """
        self._ask(lambda: self._pictures.destroy(hold_id))
        self._partitions.destroy(hold_id)
        self._ask(lambda: self._backups.destroy_hold(hold_id))
        self._named.pop(hold_id, None)
        self._has_picture = {held for held in self._has_picture if held[0] != hold_id}

    def survivors(self, hold_id: UUID) -> int:
        """Rows, parts, pictures, keys and backups that are left."""
        left = self._ask(lambda: self._pictures.count(hold_id))
        backups = len(self._ask(lambda: self._backups.of_hold(hold_id)))
        return self._partitions.survivors(hold_id) + left.pictures + left.keys + backups

    def count_collected_before(self, before: datetime) -> int:
        return self._rows.count_collected_before(before)

    def named_by(self, hold: Hold) -> Named:
        """What the hold names, unsealed once."""
        if hold.id not in self._named:
            self._named[hold.id] = self._key.named_by(hold)
        return self._named[hold.id]

    def _waiting(self, taking: Iterable[Hold]) -> dict[UUID, int]:
        """Holds on plates that have no turn this round, and when they had their last.

        But for suppressed plates: reads of those go soon, and an active investigation must have its copy before.
        """
        known = [
            hold.id for hold in taking if hold.id in self._looked_ms and isinstance(hold.opened.selection, ByPlate)
        ]
        return {
            hold_id: self._looked_ms[hold_id]
            for hold_id in sorted(known, key=self._looked_ms.__getitem__)[_MOST_A_ROUND:]
        }

    def _copy_reads(self, holds: Iterable[Hold], scope: Scope, now: datetime, *, suppressed_only: bool = False) -> None:
        wanted: list[WantedPlate] = []
        for hold in holds:
            selection, named = hold.opened.selection, self.named_by(hold)
            if isinstance(selection, ByPlate):
                wanted += _wanted(hold, selection, named, now)
            else:
                self._rows.copy_reads(hold, named, scope, now)
        if scope.stored_since_ms is not None and wanted:  # of all the plates few came by since
            plates = {one.folded_plate for one in wanted}
            came_by = self._rows.plates_stored(plates, scope.stored_since_ms, suppressed_only=suppressed_only)
            wanted = [one for one in wanted if one.folded_plate in came_by]
        self._rows.copy_plates(wanted, scope)

    def _copy_alerts(self, holds: Iterable[Hold], scope: Scope) -> None:
        if hold_ids := [hold.id for hold in holds]:
            self._rows.copy_alerts(hold_ids, scope)

    def _copy_pictures(self, holds: Iterable[Hold], scope: Scope) -> None:
        hold_ids = [hold.id for hold in holds]
        for reference in self._rows.pictures(hold_ids, scope) if hold_ids else ():
            held = (reference.hold_id, reference.read_id, reference.kind)
            if held not in self._has_picture and self._copy_picture(reference):
                self._has_picture.add(held)

    def _copy_picture(self, reference: HeldReference) -> bool:
        """False when it is not there (yet)."""
        stored = StoredAs(
            day=day_of(reference.collected_at),
            read_id=reference.read_id,
            kind=reference.kind,
            sha256=reference.sha256,
        )
        try:
            self._ask(lambda: hold_picture(self._pictures, stored, reference.hold_id))
        except FileNotFoundError:
            return False
        except IntegrityError as error:  # a reader may send one event twice with two pictures; the rest goes on
            HELD_PICTURES_DIFFER.inc()
            _log.warning("%s", error)
        return True

    def _tell(self, state: HoldsState, now: datetime) -> None:
        found = Counter((hold.opened.hold_kind, _standing(hold, now)) for hold in state.holds.values())
        for kind in ("investigation", "exculpatory"):
            for standing in ("active", "lapsed", "ending"):
                HOLDS.labels(kind, standing).set(found[kind, standing])
        HELD_READS.set(sum(self._rows.counts().values()))

    @staticmethod
    def _ask(ask: Callable[[], T]) -> T:
        try:
            return ask()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise TransientError(f"The picture store or a backup does not answer ({type(error).__name__}).") from None


def _wanted(hold: Hold, selection: ByPlate, named: Named, now: datetime) -> list[WantedPlate]:
    return [
        WantedPlate(
            hold_id=hold.id,
            folded_plate=plate,
            from_ms=to_ms(selection.collected_from),
            until_ms=to_ms(selection.collected_until),
            keeps_suppressed=hold.is_active_investigation(now),
        )
        for plate in named.plates
    ]


def _standing(hold: Hold, now: datetime) -> str:
    if hold.is_lapsed(now):
        return "lapsed"
    return "active" if hold.takes_reads(now) else "ending"
