"""Makes a backup of the ledger and of what holds keep, known to the sweep before its first byte is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from platestream.clock import Clock
from platestream.retention import destroyed_at
from platestream.settings import Settings
from sinks.backup.held import back_up_hold
from sinks.backup.sealed_folder import PART_BYTES, Manifest, NewBackup
from sinks.clickhouse.store import Store
from sinks.holds.state import Hold, HoldsState
from sinks.pictures.store import PictureStore
from sinks.retention.backups import register
from streams.ledger.proof import START, Event, Fault, leaf_of, next_head
from streams.ledger.restoring import pack_events, sound


@dataclass(frozen=True, kw_only=True)
class BackupMaker:
    """`make` a backup of what store and pictures keep for holds."""

    settings: Settings
    store: Store
    pictures: PictureStore
    clock: Clock

    def make(
        self, folder: Path, key_file: Path, state: HoldsState, events: Iterable[Event | Fault]
    ) -> tuple[Path, Manifest]:
        """Write it into a folder of its own below `folder`. `events` are all that led to `state`, or more.

        Raises ConfigError when the key file cannot be used, OSError when folder or pictures fail, TransientError when
        broker or ClickHouse do, IntegrityError when what is there is damaged. Keeps: retention.inactive
        """
        now, backup_id = self.clock.now(), uuid4()
        target = folder.resolve() / f"{now:%Y%m%dT%H%M%SZ}-{str(backup_id)[:8]}"
        grace = timedelta(days=self.settings.retention.grace_days)
        holds = holds_that_stay(state, now, grace)
        ends = [end for hold in holds if (end := known_end(hold, grace))]
        destroy_by = min([destroyed_at(now, self.settings.retention.backup_days), *ends])
        backup = NewBackup(target, key_file, backup_id)
        register(self.settings, target, destroy_by)
        chain = _Counted(events)
        for number, part in enumerate(pack_events(chain, PART_BYTES)):
            backup.add(f"ledger/{number:08}", part)
        for hold in holds:
            back_up_hold(backup, hold.id, self.store, self.pictures)
        hold_ids: tuple[UUID, ...] = tuple(hold.id for hold in holds)
        return target, backup.finish(now, destroy_by, (chain.count, chain.head), hold_ids)


def holds_that_stay(state: HoldsState, now: datetime, grace: timedelta) -> list[Hold]:
    """Holds that no sweep destroys before the next midnight (UTC). Keeps: retention.inactive, retention.exculpatory"""
    ending = {hold.hold_id for hold in state.unfinished.ending} if state.unfinished else set()
    return [
        hold
        for hold in state.holds.values()
        if hold.id not in ending and not hold.is_due(now, grace) and (known_end(hold, grace) or now + grace) > now
    ]


def known_end(hold: Hold, grace: timedelta) -> datetime | None:
    """The midnight (UTC) before a hold goes, as far as that is known; a charge's disposition is not."""
    return destroyed_at(hold.destroy_at or hold.attested_until + grace, 0) if hold.is_investigation else None


class _Counted:
    """Events on their way into the backup: how many they are and the head they lead to."""

    def __init__(self, events: Iterable[Event | Fault]) -> None:
        self._events, self.count, self.head = events, 0, START

    def __iter__(self) -> Iterator[Event]:
        for event in sound(self._events):
            self.count, self.head = self.count + 1, next_head(self.head, leaf_of(event))
            yield event
