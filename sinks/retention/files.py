"""Files beside the tables that can hold a plate: rows on their way into the engine, and the spool of this machine."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platestream.clock import from_ms, to_ms
from sinks.retention.place import unless_away

_UNDER_WAY_SECONDS = 3600
_OVERDUE = "SELECT count(*) FROM records WHERE collected_at_ms < ?"
_OLDEST = "SELECT min(collected_at_ms) FROM records"


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """The engine's folder for rows on their way in. A file is there for one insert; an older one was left behind."""

    folder: Path
    name: str = "clickhouse.incoming"
    method: str = "files removed; files older than an hour counted"

    def due(self, before: datetime) -> int | None:
        return unless_away(lambda: len(self._left_behind()))

    def mark(self, before: datetime) -> None:
        """Holds keep nothing of it."""

    def destroy(self, before: datetime) -> None:
        for file in self._left_behind():
            file.unlink(missing_ok=True)

    def oldest(self) -> datetime | None:
        return None

    def _left_behind(self) -> list[Path]:
        """By the machine's clock, as the file system has it."""
        limit = time.time() - _UNDER_WAY_SECONDS
        return [file for file in self.folder.rglob("*") if file.is_file() and file.stat().st_mtime < limit]


@dataclass(frozen=True, kw_only=True)
class SpoolHere:
    """The spool of the collector that shares this home. A running collector has it locked and destroys what is overdue
    there itself; this finds what stays because none runs. Spools of other machines are their collectors' alone.
    """

    file: Path
    name: str = "spool"
    method: str = "records deleted by the running collector; overdue records counted when none runs"

    def due(self, before: datetime) -> int | None:
        try:
            return self._number(_OVERDUE, to_ms(before)) or 0
        except sqlite3.Error as error:
            return 0 if _is_in_use(error) else None

    def mark(self, before: datetime) -> None:
        """Holds keep nothing of it."""

    def destroy(self, before: datetime) -> None:
        """The collector's own work."""

    def oldest(self) -> datetime | None:
        try:
            oldest_ms = self._number(_OLDEST)
        except sqlite3.Error:
            return None
        return None if oldest_ms is None else from_ms(oldest_ms)

    def _number(self, question: str, *parameters: int) -> int | None:
        if not self.file.exists():
            return None
        address = f"{self.file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0)) as opened:
            found: int | None = opened.execute(question, parameters).fetchone()[0]
        return found


def _is_in_use(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
