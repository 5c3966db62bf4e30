"""What a hold keeps, into a backup and back: rows as ClickHouse's Native blocks, pictures one part each."""

# ruff: noqa: S608 - statements are put together from constants alone; values are parameters

from uuid import UUID

from platestream.errors import TransientError
from schemas.messages import PictureKind
from sinks.backup.sealed_folder import PART_BYTES, NewBackup, StoredBackup
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.pictures.store import PictureStore

_IDENTITIES = {"held_reads": "read_id", "held_alerts": "(alert_id, sighting)"}
_ROWS = "SELECT * FROM {table} FINAL WHERE hold_id = {hold_id:UUID}"
_MISSING = """
INSERT INTO {table} SELECT * FROM restored_{table}
WHERE hold_id = {hold_id:UUID} AND {identity} NOT IN (SELECT {identity} FROM {table} WHERE hold_id = {hold_id:UUID})
"""
_READS = "SELECT DISTINCT read_id FROM held_reads WHERE hold_id = {hold_id:UUID}"


def back_up_hold(backup: NewBackup, hold_id: UUID, store: Store, pictures: PictureStore) -> None:
    """Raises TransientError when ClickHouse fails, OSError when pictures or the backup do, IntegrityError when a
    picture was changed. A hold's rows pass through memory.
    """
    for table in _IDENTITIES:
        with clickhouse_errors("back up a hold"):
            statement = _ROWS.replace("{table}", table)
            rows = store.client().raw_query(statement, parameters={"hold_id": hold_id}, fmt="Native")
        for number, at in enumerate(range(0, len(rows), PART_BYTES)):
            backup.add(f"holds/{hold_id}/{table}/{number:08}", rows[at : at + PART_BYTES])
    for read_id, kind in pictures.listed(hold_id):
        backup.add(f"{_pictures(hold_id)}{read_id}/{kind.value}", pictures.read(hold_id, read_id, kind))


def restore_hold(backup: StoredBackup, hold_id: UUID, store: Store, pictures: PictureStore) -> int:
    """Bring back what the hold does not have; gives how many reads it has then. Safe to repeat.

    Raises TransientError when ClickHouse or the picture store fail.
    """
    for table in _IDENTITIES:
        _restore_rows(store, table, hold_id, b"".join(rows for _, rows in backup.parts(f"holds/{hold_id}/{table}/")))
    with clickhouse_errors("look into a restored hold"):
        found = store.client().query(_READS, parameters={"hold_id": hold_id}).result_rows
    held, there = {read_id for (read_id,) in found}, set(pictures.listed(hold_id))
    for name, content in backup.parts(_pictures(hold_id)):
        *_, read, kind = name.split("/")
        picture = UUID(read), PictureKind(kind)
        if picture[0] in held and picture not in there:
            _write(pictures, hold_id, picture, content)
    return len(held)


def _restore_rows(store: Store, table: str, hold_id: UUID, rows: bytes) -> None:
    """Through a table in memory, so that what the hold has already is left out."""
    if not rows:
        return
    statement = _MISSING.replace("{table}", table).replace("{identity}", _IDENTITIES[table])
    with clickhouse_errors("restore a hold"):
        client = store.client()
        client.command(f"DROP TABLE IF EXISTS restored_{table}")
        client.command(f"CREATE TABLE restored_{table} AS {table} ENGINE = Memory")
        try:
            client.raw_insert(f"restored_{table}", None, rows, fmt="Native")
            client.command(statement, parameters={"hold_id": hold_id})
        finally:
            client.command(f"DROP TABLE restored_{table}")


def _write(pictures: PictureStore, hold_id: UUID, picture: tuple[UUID, PictureKind], content: bytes) -> None:
    try:
        pictures.write(hold_id, *picture, content)
    except OSError as error:
        raise TransientError(f"The picture store does not answer ({type(error).__name__}).") from None


def _pictures(hold_id: UUID) -> str:
    return f"holds/{hold_id}/pictures/"
