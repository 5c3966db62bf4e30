"""Tables of ClickHouse as places: whole days are dropped, and all parts that the engine has of them are counted.

Beside the active parts a table has parts that merges have replaced, which stay for a while, and detached ones, which
somebody or a fault has set aside: queries do not see them, and they hold plates all the same.
"""

# ruff: noqa: S608 - statements are put together from constants alone; values are parameters

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from sinks.clickhouse.counting import count_day
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.retention.place import unless_away

PARTS = "FROM system.parts WHERE database = currentDatabase() AND table = {table:String}"
_DETACHED = "FROM system.detached_parts WHERE database = currentDatabase() AND table = {table:String}"
_OF_A_DUE_DAY = "(ifNull(partition_id, '') = '' OR partition_id < {day:String})"
_OLD_LOGS = "event_date < toDate({day:String})"
_NO_SUCH_DATA_PART = 232
_COUNTED = {"reads", "alerts", "blanked_reads"}
LOGS = (  # log tables of a server that can hold the text of a statement
    "query_log",
    "query_thread_log",
    "query_views_log",
    "text_log",
    "opentelemetry_span_log",
    "asynchronous_insert_log",
    "user_query_log",
)


@dataclass(frozen=True, kw_only=True)
class DayTable:
    """A table partitioned by day; `time` is the column of the day, `identity` what makes a row one of its kind."""

    store: Store
    table: str
    identity: str
    time: str = "collected_at"
    method: str = "parts of the days dropped; rows, replaced and detached parts counted"
    _marked: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"clickhouse.{self.table}"

    def due(self, before: datetime) -> int | None:
        """Rows of their kind, each counted once, and detached parts; rows of replaced parts when these are all.

        A detached part without a readable name may be of any day, so it counts. Keeps: retention.sixty-days
        """
        return unless_away(lambda: self._due(before))

    def mark(self, before: datetime) -> None:
        """A part that comes later is not dropped until holds have seen it, too. What is marked is counted for the log.

        Keeps: records.collection
        """
        parts = f"SELECT name {PARTS} AND active AND partition < {{day:String}}"
        self._marked.clear()
        self._marked.update(part for (part,) in self._ask(parts, day=_day(before)))
        if self.table in _COUNTED:
            days = f"SELECT DISTINCT partition {PARTS} AND active AND partition < {{day:String}}"
            for (day,) in self._ask(days, day=_day(before)):
                count_day(self.store.client(), date.fromisoformat(day))

    def destroy(self, before: datetime) -> None:
        """Drop the marked parts, and detached ones of these days. Keeps: retention.sixty-days"""
        there = self._ask(f"SELECT name {PARTS} AND active AND partition < {{day:String}}", day=_day(before))
        for (part,) in there:
            if part in self._marked:
                self._drop(part)
        day = _day(before).replace("-", "")
        for (part,) in self._ask(f"SELECT name {_DETACHED} AND {_OF_A_DUE_DAY}", day=day):
            self._command(f"ALTER TABLE {self.table} DROP DETACHED PART {{part:String}}", part=part)
        clear_replaced_parts(self.store.client(), self.table, "1970-01-01")

    def oldest(self) -> datetime | None:
        oldest = unless_away(lambda: self._ask(f"SELECT count(), min({self.time}) FROM {self.table}"))
        return oldest[0][1].replace(tzinfo=UTC) if oldest and oldest[0][0] else None

    def _due(self, before: datetime) -> int:
        day = _day(before)
        rows = f"SELECT uniqExact({self.identity}) FROM {self.table} WHERE toDate({self.time}) < toDate({{day:String}})"
        replaced = f"SELECT sum(rows) {PARTS} AND NOT active AND partition < {{day:String}}"
        found = int(self._ask(rows, day=day)[0][0])
        found += int(self._ask(f"SELECT count() {_DETACHED} AND {_OF_A_DUE_DAY}", day=day.replace("-", ""))[0][0])
        return found or int(self._ask(replaced, day=day)[0][0])

    def _drop(self, part: str) -> None:
        """A part that a merge has replaced since it was listed goes by its new name, once that is marked."""
        with clickhouse_errors(f"drop a day of {self.table}"):
            try:
                self.store.client().command(
                    f"ALTER TABLE {self.table} DROP PART {{part:String}}", parameters={"part": part}
                )
            except Error as error:
                if error.code != _NO_SUCH_DATA_PART:
                    raise

    def _ask(self, question: str, **parameters: Any) -> list[Any]:
        with clickhouse_errors(f"look into {self.table}"):
            found = self.store.client().query(question, parameters={"table": self.table, **parameters})
        return list(found.result_rows)

    def _command(self, statement: str, **parameters: Any) -> None:
        with clickhouse_errors(f"drop a day of {self.table}"):
            self.store.client().command(statement, parameters=parameters, settings={"allow_drop_detached": 1})


@dataclass(frozen=True, kw_only=True)
class ServerLogs:
    """The server's own logs. Our sessions say log_queries=0; this is for what somebody else's left there."""

    store: Store
    name: str = "clickhouse.server-logs"
    method: str = "log tables of statements truncated; rows of due days counted"

    def due(self, before: datetime) -> int | None:
        return unless_away(lambda: sum(self._count(table, before) for table in self._tables()))

    def mark(self, before: datetime) -> None:
        """Holds keep nothing of it."""

    def destroy(self, before: datetime) -> None:
        for table in self._tables():
            if self._count(table, before):
                with clickhouse_errors("truncate a log of the server"):
                    self.store.client().command(f"TRUNCATE TABLE system.{table}")

    def oldest(self) -> datetime | None:
        """Nobody can say which reads a statement was about."""
        return None

    def _tables(self) -> list[str]:
        question = """
        SELECT name FROM system.tables
        WHERE database = 'system' AND engine LIKE '%MergeTree' AND name IN {names:Array(String)}
        """
        with clickhouse_errors("list the logs of the server"):
            found = self.store.client().query(question, parameters={"names": list(LOGS)}).result_rows
        return [name for (name,) in found]

    def _count(self, table: str, before: datetime) -> int:
        with clickhouse_errors("count a log of the server"):
            question = f"SELECT count() FROM system.{table} WHERE {_OLD_LOGS}"
            return int(self.store.client().query(question, parameters={"day": _day(before)}).result_rows[0][0])


def clear_replaced_parts(client: Client, table: str, no_partition: str) -> None:
    """Dropping a partition that is not there makes the engine remove, at once, what merges have replaced."""
    with clickhouse_errors(f"clear {table}"):
        client.command(
            f"ALTER TABLE {table} DROP PARTITION {{partition:String}}", parameters={"partition": no_partition}
        )


def _day(before: datetime) -> str:
    return before.astimezone(UTC).date().isoformat()
