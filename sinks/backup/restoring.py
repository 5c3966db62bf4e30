"""Restores a backup: first the ledger, then what holds keep that stand by the whole ledger as it is then.

So a hold that ended after the backup was made does not come back, and a read comes back only into such a hold.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from uuid import UUID

from platestream.errors import RefusedError
from platestream.settings import Settings
from schemas.codec import Codec
from sinks.backup.held import restore_hold
from sinks.backup.making import holds_that_stay
from sinks.backup.sealed_folder import StoredBackup
from sinks.clickhouse.ledger import ledger_events
from sinks.clickhouse.store import Store
from sinks.holds.state import HoldsState
from sinks.pictures.store import PictureStore
from sinks.retention.backups import register
from streams.ledger.proof import Event
from streams.ledger.restoring import check_head, restore_topic, unpack_events

_BATCH = 10_000


def open_backup(settings: Settings, folder: Path, key_file: Path, now: datetime) -> StoredBackup:
    """The backup, verified whole and known to the sweep of this installation. Raises as StoredBackup, and RefusedError
    when it should have been destroyed. Keeps: retention.inactive
    """
    backup = StoredBackup(folder.resolve(), key_file)
    register(settings, backup.folder, backup.manifest.destroy_by)
    if now >= backup.manifest.destroy_by:
        raise RefusedError(
            "retention.inactive",
            f"The backup was to be destroyed by {backup.manifest.destroy_by}; the next sweep does.",
        )
    return backup


def restore_ledger(backup: StoredBackup, settings: Settings, topic: str, codec: Codec, store: Store) -> int:
    """Bring the topic up to the backup, or to the copy in ClickHouse when that goes further; gives how many events
    were written. Raises as `restore_topic`.
    """
    events = unpack_events(part for _, part in backup.parts("ledger/"))
    count = backup.manifest.ledger_events
    written = restore_topic(settings.kafka, topic, chain(events, _copied(store, count)), codec)
    check_head(settings.kafka, topic, count, backup.manifest.ledger_head)
    return written


def restore_holds(
    backup: StoredBackup, state: HoldsState, now: datetime, grace: timedelta, kept: tuple[Store, PictureStore]
) -> dict[UUID, int]:
    """How many reads each restored hold has then; holds that ended or end today are left out. Raises as `restore_hold`.

    Keeps: retention.sixty-days, retention.inactive, retention.exculpatory
    """
    stay = {hold.id for hold in holds_that_stay(state, now, grace)}
    return {hold_id: restore_hold(backup, hold_id, *kept) for hold_id in backup.manifest.holds if hold_id in stay}


def _copied(store: Store, first: int) -> Iterator[Event]:
    """Events that came after the backup, as far as the copy in ClickHouse has them without a hole."""
    while batch := ledger_events(store.client(), first, first + _BATCH - 1):
        for offset, key, value in batch:
            if offset != first:
                return
            yield Event(offset, key, value or b"")
            first += 1
