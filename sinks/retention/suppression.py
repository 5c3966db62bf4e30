"""Takes stored rows and pictures of suppressed plates out, also out of holds, unless an investigation is active.

Nothing tells of it: no event, metric or log line, and the counts that remain are of all reads handled. Pictures go
first and rows last, so that what a crash left undone is found again by its rows.

Keeps: retention.suppressed
"""

# ruff: noqa: S608 - statements are put together from constants alone; values are parameters

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from platestream.errors import IntegrityError, TransientError
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.holds.state import HoldsState
from sinks.pictures.store import PictureStore
from sinks.retention.tables import PARTS, clear_replaced_parts
from sinks.retention.waiting import Waiting

_LISTED = "(SELECT folded_plate FROM suppressed_plates)"
_READS = f"folded_plate IN {_LISTED}"
_OF_LIST = "translate(list_plate, 'OI', '01')"
_OF_CANDIDATE = "translate(ifNull(matched_candidate, ''), 'OI', '01')"
_ALERTS = f"({_READS} OR {_OF_LIST} IN {_LISTED} OR {_OF_CANDIDATE} IN {_LISTED})"
_SETTLED = "stored_at <= fromUnixTimestamp64Milli({settled_ms:Int64}, 'UTC')"
_NOT_ACTIVE = "hold_id NOT IN {active:Array(UUID)}"
_TO_COUNTS = f"""
INSERT INTO blanked_reads (hour, device_id, classification, read_id)
SELECT toStartOfHour(collected_at), device_id, classification, read_id FROM reads WHERE {_READS} AND {_SETTLED}
"""


@dataclass(frozen=True)
class _Table:
    """A table, which of its rows are to go, and a partition it never has."""

    name: str
    condition: str
    no_partition: str


_TABLES = (
    _Table("alerts", _ALERTS, "1970-01-01"),
    _Table("held_alerts", f"{_ALERTS} AND {_NOT_ACTIVE}", str(UUID(int=0))),
    _Table("held_reads", f"{_READS} AND {_NOT_ACTIVE}", str(UUID(int=0))),
    _Table("reads", f"{_READS} AND {_SETTLED}", "1970-01-01"),
)


class Suppressed(Protocol):
    """The list as its follower has it."""

    def in_force(self, now: datetime) -> Collection[bytes]:
        """All folded plates that are suppressed."""
        ...


class SuppressionSweep:
    """`fill` before holds take reads, `sweep` after that. Raises TransientError when a store is away.

    `sweep` raises IntegrityError when rows stay that were to go. An insert may take `settling_seconds`: younger rows
    stay until the next sweep, for an active investigation that is about them may not have seen them.
    """

    def __init__(
        self,
        store: Store,
        pictures: PictureStore,
        suppressed: Suppressed,
        waiting: Waiting,
        settling_seconds: float = 60,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._suppressed = suppressed
        self._waiting = waiting
        self._settling_seconds = settling_seconds
        self._settled_ms = 0
        self._filled: frozenset[bytes] = frozenset()

    def fill(self, now: datetime) -> None:
        """Bring the list in force to where statements can name it."""
        engine_ms = int(self._ask("SELECT toUnixTimestamp64Milli(now64(3))")[0][0])
        self._settled_ms = engine_ms - int(self._settling_seconds * 1000)
        plates = frozenset(self._suppressed.in_force(now))
        if plates == self._filled:
            return
        with clickhouse_errors("fill a table in memory"):
            client = self._store.client()
            client.command("TRUNCATE TABLE suppressed_plates")
            rows = [[plate.decode()] for plate in sorted(plates)]
            if rows:
                client.insert("suppressed_plates", rows, column_names=["folded_plate"])
        self._filled = plates

    def sweep(self, state: HoldsState, now: datetime) -> bool:
        """Take out what is stored of the plates in force; whether there was any. Keeps: retention.suppressed"""
        if not self._filled:
            return False
        active = [hold.id for hold in state.holds.values() if hold.is_active_investigation(now)]
        self._remove_pictures(active)
        touched = {table: self._partitions(table, active) for table in _TABLES}
        parts = {table: self._parts(table, partitions) for table, partitions in touched.items() if partitions}
        if any(table.name == "reads" for table in parts):
            self._command(_TO_COUNTS)
        for table in parts:
            for partition in touched[table]:
                self._command(
                    f"ALTER TABLE {table.name} DELETE IN PARTITION {{partition:String}} WHERE {table.condition}",
                    partition=partition,
                    active=active,
                )
        self._wait_until_gone(parts, active)
        return bool(parts)

    def _remove_pictures(self, active: Sequence[UUID]) -> None:
        stored = self._ask(f"SELECT DISTINCT toDate(collected_at), read_id FROM reads WHERE {_READS} AND {_SETTLED}")
        held = self._ask(
            f"SELECT DISTINCT hold_id, read_id FROM held_reads WHERE {_READS} AND {_NOT_ACTIVE}", active=active
        )
        try:
            for shelf, read_id in [*stored, *held]:
                self._pictures.remove(shelf, read_id)
        except OSError as error:
            raise TransientError(f"The picture store does not answer ({type(error).__name__}).") from None

    def _wait_until_gone(self, parts: Mapping[_Table, set[str]], active: Sequence[UUID]) -> None:
        """A part that was replaced is on disk until nobody reads it any more."""
        deadline = time.monotonic() + self._waiting.patience_seconds
        while left := [table for table in parts if self._is_left(table, parts[table], active)]:
            if time.monotonic() >= deadline:
                raise IntegrityError(
                    f"Rows that were to go stay in {', '.join(table.name for table in left)}. Find out what keeps them "
                    "there, then start storage again: it goes on sweeping."
                )
            self._waiting.sleep(self._waiting.pause_seconds)

    def _is_left(self, table: _Table, parts: set[str], active: Sequence[UUID]) -> bool:
        clear_replaced_parts(self._store.client(), table.name, table.no_partition)
        there = self._ask(f"SELECT name {PARTS}", table=table.name)
        return bool(self._partitions(table, active) or parts.intersection(name for (name,) in there))

    def _parts(self, table: _Table, partitions: Sequence[str]) -> set[str]:
        question = f"SELECT name {PARTS} AND active AND partition IN {{partitions:Array(String)}}"
        return {name for (name,) in self._ask(question, table=table.name, partitions=list(partitions))}

    def _partitions(self, table: _Table, active: Sequence[UUID]) -> list[str]:
        """Partitions in which rows are to go."""
        name = "hold_id" if table.name.startswith("held_") else "toDate(collected_at)"
        found = self._ask(f"SELECT DISTINCT toString({name}) FROM {table.name} WHERE {table.condition}", active=active)
        return [partition for (partition,) in found]

    def _ask(self, question: str, **parameters: Any) -> list[Any]:
        with clickhouse_errors("look for rows that are to go"):
            return list(self._store.client().query(question, parameters=self._with(parameters)).result_rows)

    def _command(self, statement: str, **parameters: Any) -> None:
        with clickhouse_errors("take rows out"):
            self._store.client().command(statement, parameters=self._with(parameters), settings={"mutations_sync": 2})

    def _with(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {**parameters, "settled_ms": self._settled_ms}
