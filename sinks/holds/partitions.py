"""Destroys what a hold kept in ClickHouse: its partition of each table, replaced and detached parts included."""

# ruff: noqa: S608 - statements are put together from constants alone; values are parameters

from typing import Any
from uuid import UUID

from sinks.clickhouse.store import Store, clickhouse_errors

TABLES = ("held_reads", "held_alerts")
_OF_HOLD = "database = currentDatabase() AND table = {table:String} AND partition_id = {partition:String}"


class HeldPartitions:
    """The partitions of all holds. Its methods raise TransientError when ClickHouse fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count_reads(self, hold_id: UUID) -> int:
        """Reads that a hold keeps."""
        question = "SELECT uniqExact(read_id) FROM held_reads WHERE hold_id = {hold_id:UUID}"
        return int(self._ask(question, hold_id=hold_id)[0][0])

    def destroy(self, hold_id: UUID) -> None:
        """Drop all that the hold kept. Safe to repeat. Keeps: retention.inactive"""
        for table in TABLES:
            self._command(f"ALTER TABLE {table} DROP PARTITION {{hold_id:String}}", hold_id=str(hold_id))
            for (part,) in self._detached(table, hold_id):
                self._command(f"ALTER TABLE {table} DROP DETACHED PART {{part:String}}", part=part)

    def survivors(self, hold_id: UUID) -> int:
        """Rows and detached parts that are left of what the hold kept."""
        return sum(self._rows(table, hold_id) + len(self._detached(table, hold_id)) for table in TABLES)

    def _rows(self, table: str, hold_id: UUID) -> int:
        active = f"SELECT count() FROM {table} WHERE hold_id = {{hold_id:UUID}}"
        replaced = f"SELECT sum(rows) FROM system.parts WHERE {_OF_HOLD}"
        found = int(self._ask(active, hold_id=hold_id)[0][0])
        return found or int(self._ask(replaced, table=table, partition=self._partition_id(table, hold_id))[0][0])

    def _detached(self, table: str, hold_id: UUID) -> list[Any]:
        partition = self._partition_id(table, hold_id)
        return self._ask(f"SELECT name FROM system.detached_parts WHERE {_OF_HOLD}", table=table, partition=partition)

    def _partition_id(self, table: str, hold_id: UUID) -> str:
        """What the engine calls the hold's partition in the names of its parts."""
        return str(self._ask("SELECT partitionID({hold_id:UUID})", hold_id=hold_id)[0][0])

    def _ask(self, question: str, **parameters: Any) -> list[Any]:
        with clickhouse_errors("look into a hold"):
            return list(self._store.client().query(question, parameters=parameters).result_rows)

    def _command(self, statement: str, **parameters: Any) -> None:
        with clickhouse_errors("drop what a hold kept"):
            self._store.client().command(statement, parameters=parameters, settings={"allow_drop_detached": 1})
