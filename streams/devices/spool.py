"""The disk queue between the readers and Kafka: what it has taken is on disk, whatever happens next (step 2).

SQLite with a write-ahead log that is flushed at each commit, so that a commit survives power loss. One thread writes:
it gathers what waits into one transaction, so that many readers share one flush. All records of one posted message are
in one transaction. Records leave in the order they came, after Kafka has acknowledged them, and their bytes with them:
deleted content is overwritten with zeros, the log is truncated and free pages are given back.

Keeps: retention.sixty-days
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from platestream.clock import to_ms
from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.metrics import SPOOL_BYTES, SPOOL_ROWS

_LAYOUT = 1
_MOST_TASKS_IN_ONE_COMMIT = 256
_TIDY_SECONDS = 1.0
_TIDY_PAGES = 20_000  # at a time, so that puts do not wait long behind it
_ROW_BYTES = 100  # what a row needs beside its key and value, roughly

# collected_at_ms stands before the value on purpose: a sweep need not read through the pictures.
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collected_at_ms INTEGER,
    topic TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL)
"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record for Kafka, framed. `collected_at` is None for what holds no plate and so is never overdue."""

    topic: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)
    collected_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """A record on disk; ids grow in the order of arrival and are never used twice."""

    id: int
    topic: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)


class SpoolFull(TransientError):
    """No room: max_spool_bytes is reached or the disk is full."""


@dataclass(frozen=True)
class _Task:
    work: Callable[[], int]
    done: "Future[int]"


class Spool:
    """The queue in `folder`, at most `max_bytes` on disk. One process may have it open.

    Raises ConfigError when it cannot be opened, IntegrityError when the file is damaged.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._file = folder / "spool.sqlite"
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._connection = _open(self._file)
        self._rows = self._number("SELECT count(*) FROM records")
        SPOOL_ROWS.set(self._rows)
        self._tidied_at = 0.0
        self._must_tidy = True
        self._writer = threading.Thread(target=self._write, name="spool", daemon=True)
        self._writer.start()

    def put(self, records: Sequence[Record]) -> "Future[int]":
        """Add all records or none; the future is done once they are on disk.

        Its exception is SpoolFull when there is no room, TransientError when the disk cannot be written.
        """
        return self._submit(lambda: self._insert(records))

    def read(self, *, after: int, max_records: int, max_bytes: int) -> list[Spooled]:
        """The oldest records with an id above `after`, at most so many, and of so many bytes unless one alone has more.

        Raises TransientError when the disk cannot be read.
        """
        found: list[Spooled] = []
        room = max_bytes
        select = "SELECT id, topic, key, value FROM records WHERE id > ? ORDER BY id LIMIT ?"
        try:
            with self._lock:
                for id_, topic, key, value in self._connection.execute(select, (after, max_records)):
                    room -= len(value)
                    if found and room < 0:
                        break
                    found.append(Spooled(id=id_, topic=topic, key=key, value=value))
        except sqlite3.Error as error:
            raise _cannot("read", error) from error
        return found

    def wait_for_arrival(self, timeout_seconds: float) -> None:
        """Return when records were added since the last call, or after the timeout."""
        self._arrived.wait(timeout_seconds)
        self._arrived.clear()

    def remove(self, ids: Iterable[int]) -> "Future[int]":
        """Delete records that Kafka has acknowledged; the future tells how many there were."""
        rows = [(id_,) for id_ in ids]
        return self._submit(lambda: self._delete("id = ?", rows))

    def remove_overdue(self, first_kept: datetime) -> "Future[int]":
        """Delete what was collected before this time, though it was never published; how many."""
        return self._submit(lambda: self._delete("collected_at_ms < ?", [(to_ms(first_kept),)]))

    def __len__(self) -> int:
        return self._rows

    def check(self) -> None:
        """Raises IntegrityError when the writing thread has ended."""
        if not self._writer.is_alive():
            raise IntegrityError("The spool's writing thread has ended; nothing can be taken in. Restart the process.")

    def close(self) -> None:
        """Finish what waits, give bytes back, close the file."""
        self._tasks.put(None)
        self._writer.join()
        self._connection.close()

    def _submit(self, work: Callable[[], int]) -> "Future[int]":
        task = _Task(work, Future())
        self._tasks.put(task)
        return task.done

    def _write(self) -> None:
        while True:
            try:
                first = self._tasks.get(timeout=_TIDY_SECONDS if self._must_tidy else None)
            except queue.Empty:
                self._tidy()
                continue
            if first is None:
                self._tidy()
                return
            self._commit([first, *self._waiting()])
            if self._must_tidy and time.monotonic() - self._tidied_at > _TIDY_SECONDS:
                self._tidy()

    def _waiting(self) -> list[_Task]:
        tasks: list[_Task] = []
        while len(tasks) < _MOST_TASKS_IN_ONE_COMMIT:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is None:  # the end: come back to it after this commit
                self._tasks.put(None)
                break
            tasks.append(task)
        return tasks

    def _commit(self, tasks: list[_Task]) -> None:
        """One transaction; a task without room fails alone, a disk that fails fails all."""
        results: list[int | SpoolFull] = []
        rows = self._rows
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                for task in tasks:
                    results.append(_result(task))
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._rows = rows
            self._roll_back()
            for task in tasks:
                task.done.set_exception(_cannot("written", error))
            return
        for task, result in zip(tasks, results, strict=True):
            if isinstance(result, SpoolFull):
                task.done.set_exception(result)
            else:
                task.done.set_result(result)
        SPOOL_ROWS.set(self._rows)
        if self._rows > rows:
            self._arrived.set()

    def _roll_back(self) -> None:
        with self._lock:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _insert(self, records: Sequence[Record]) -> int:
        size = sum(len(record.key) + len(record.value) + _ROW_BYTES for record in records)
        if self._used_bytes() + size > self._max_bytes:
            raise SpoolFull("The spool is full; it drains as soon as Kafka is reachable. Send again later.")
        self._connection.executemany(
            "INSERT INTO records (collected_at_ms, topic, key, value) VALUES (?, ?, ?, ?)",
            [(to_ms(r.collected_at) if r.collected_at else None, r.topic, r.key, r.value) for r in records],
        )
        self._rows += len(records)
        return len(records)

    def _delete(self, where: str, parameters: list[tuple[int]]) -> int:
        deleted = self._connection.executemany(f"DELETE FROM records WHERE {where}", parameters).rowcount  # noqa: S608
        self._rows -= deleted
        self._must_tidy |= deleted > 0
        return deleted

    def _used_bytes(self) -> int:
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * self._number("PRAGMA page_size")

    def _tidy(self) -> None:
        """Give free pages back and truncate the log: only then have deleted bytes left the disk's files."""
        try:
            with self._lock:
                # a script, because one execute takes a single step of this pragma and so gives back a single page
                self._connection.executescript(f"PRAGMA incremental_vacuum({_TIDY_PAGES})")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._must_tidy = self._number("PRAGMA freelist_count") > 0
        except sqlite3.Error:
            self._must_tidy = True  # tried again a second later; the failing disk shows at the next put
        self._tidied_at = time.monotonic()
        SPOOL_BYTES.set(sum(file.stat().st_size for file in self._file.parent.glob("spool.sqlite*")))

    def _number(self, statement: str) -> int:
        return int(self._connection.execute(statement).fetchone()[0])


def _result(task: _Task) -> "int | SpoolFull":
    try:
        return task.work()
    except SpoolFull as full:
        return full


def _open(file: Path) -> sqlite3.Connection:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1)
    except OSError as error:
        raise ConfigError(f"The spool {file} cannot be created: {error.strerror}.") from None
    except sqlite3.Error as error:
        raise ConfigError(f"The spool {file} cannot be created: {error}.") from None
    try:
        _prepare(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        raise ConfigError(
            f"The spool {file} cannot be opened ({error}); is another collector using it, may it be written?"
        ) from None
    except sqlite3.DatabaseError as error:
        connection.close()
        raise IntegrityError(
            f"The spool {file} is damaged ({error}); move it aside, it may hold unsent reads."
        ) from None
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Exclusive, so that a second collector cannot send the same records; the rest keeps the module's promises."""
    for pragma in (
        "locking_mode = EXCLUSIVE",
        "auto_vacuum = INCREMENTAL",  # before the first table
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    if layout not in (0, _LAYOUT):
        raise sqlite3.OperationalError(f"its layout is {layout}, this version of platestream knows {_LAYOUT}")
    connection.execute(_TABLE)
    connection.execute(f"PRAGMA user_version = {_LAYOUT}")


def _cannot(what: str, error: sqlite3.Error) -> TransientError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return SpoolFull("The disk of the spool is full; free some of it.")
    return TransientError(f"The spool cannot be {what} ({getattr(error, 'sqlite_errorname', 'SQLite error')}).")
