"""Brings a database to the schema of this code: numbered SQL files, forward only, each applied once.

A file is never changed once applied anywhere; its checksum stands in the table `migrations`. Its statements can be
repeated (IF NOT EXISTS), so a migration that was cut short is simply run again.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from clickhouse_connect.driver.client import Client

from platestream.errors import ConfigError
from sinks.clickhouse.store import clickhouse_errors

FOLDER = files("sinks.clickhouse") / "migrations"

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations
(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))
ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""
_APPLIED = "INSERT INTO migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migration:
    """One file: `0001_reads.sql` has number 1 and name "reads"."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        bare = re.sub(r"^\s*--.*$", "", self.text, flags=re.MULTILINE)
        return [statement.strip() for statement in re.split(r";\s*$", bare, flags=re.MULTILINE) if statement.strip()]


def migrate(client: Client, folder: Traversable = FOLDER) -> list[int]:
    """Apply what is missing, in order, and return the numbers.

    Raises ConfigError when an applied migration is not what it was or the database is newer than this code,
    TransientError when ClickHouse fails; run again, it goes on where it stopped.
    """
    wanted = read_migrations(folder)
    applied = _applied(client)
    _check(wanted, applied)
    missing = [migration for migration in wanted if migration.number not in applied]
    for migration in missing:
        _apply(client, migration)
    return [migration.number for migration in missing]


def read_migrations(folder: Traversable = FOLDER) -> list[Migration]:
    """All files in order. Raises ConfigError when a name is not NNNN_name.sql or a number is missing or double."""
    found = []
    for file in folder.iterdir():
        if file.name.endswith(".sql"):
            name = _FILE.fullmatch(file.name)
            if not name:
                raise ConfigError(f"The migration {file.name} must be named like 0001_reads.sql.")
            found.append(Migration(int(name[1]), name[2], file.read_text()))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigError("The migrations must be numbered 0001, 0002 and so on, each number once.")
    return found


def _check(wanted: list[Migration], applied: dict[int, str]) -> None:
    newest = max(applied, default=0)
    if newest > len(wanted):
        raise ConfigError(
            f"The database has migration {newest}, this code knows {len(wanted)}; start the newer platestream."
        )
    for migration in wanted:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise ConfigError(
                f"Migration {migration.number:04} ({migration.name}) was changed after it was applied; restore the "
                "file and put the change into a new one."
            )


def _applied(client: Client) -> dict[int, str]:
    with clickhouse_errors("read the applied migrations"):
        client.command(_LEDGER)
        rows = client.query("SELECT number, checksum FROM migrations").result_rows
    return {number: checksum for number, checksum in rows}


def _apply(client: Client, migration: Migration) -> None:
    with clickhouse_errors(f"apply migration {migration.number:04} ({migration.name})"):
        for statement in migration.statements:
            client.command(statement)
        row = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
        client.command(_APPLIED, parameters=row)
    _log.info("applied migration %04d (%s)", migration.number, migration.name)
