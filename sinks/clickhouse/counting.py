"""The counts that remain when reads are gone: the public log of use is made from them, before anything is destroyed.

Read ids are counted, so replays and resends change nothing. A day can be counted as often as wanted: its counts only
grow while reads come in late, and the largest is kept (migration 0004). So what is counted last, right before the day
is destroyed, is what was stored, and a count that is made when some of it is gone already does no harm.

Reads of suppressed plates are counted like all others, from what is left of them (`blanked_reads`): a count that leaves
them out would show it to whoever knows that a car passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from clickhouse_connect.driver.client import Client

from sinks.clickhouse.store import clickhouse_errors

_COUNT_READS = """
INSERT INTO collection_counts (hour, device_id, classification, reads)
SELECT hour, device_id, classification, uniqExact(read_id)
FROM
(
    SELECT toStartOfHour(collected_at) AS hour, device_id, classification, read_id
    FROM reads
    WHERE toDate(collected_at) = {day:Date}
    UNION ALL
    SELECT hour, device_id, classification, read_id
    FROM blanked_reads
    WHERE toDate(hour) = {day:Date}
)
GROUP BY hour, device_id, classification
"""
_COUNT_HITS = """
INSERT INTO hit_counts (hour, device_id, match_kind, category, source, hits)
SELECT toStartOfHour(collected_at) AS hour, device_id, match_kind, category, source, uniqExact(alert_id)
FROM alerts
WHERE toDate(collected_at) = {day:Date} AND sighting = 1
GROUP BY hour, device_id, match_kind, category, source
"""
_COLLECTED = """
SELECT hour, device_id, classification, max(reads) AS reads
FROM collection_counts
WHERE hour >= {from_hour:DateTime('UTC')} AND hour < {until_hour:DateTime('UTC')}
GROUP BY hour, device_id, classification
ORDER BY hour, device_id, classification
"""
_HITS = """
SELECT hour, device_id, match_kind, category, source, max(hits) AS hits
FROM hit_counts
WHERE hour >= {from_hour:DateTime('UTC')} AND hour < {until_hour:DateTime('UTC')}
GROUP BY hour, device_id, match_kind, category, source
ORDER BY hour, device_id, match_kind, category, source
"""
_CHANGED = """
SELECT toDate(partition) AS day, max(modification_time) AS changed_at, changed_at < now() - 1 AS is_settled
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('reads', 'alerts', 'blanked_reads')
GROUP BY day
"""
_SETTINGS = {"async_insert": 0, "max_threads": 1}  # after a start all days are counted: searches keep a core


@dataclass(frozen=True)
class CollectionCount:
    """How many different reads a device collected in the hour that begins at `hour` (UTC)."""

    hour: datetime
    device_id: str
    classification: str
    reads: int


@dataclass(frozen=True)
class HitCount:
    """How many alerts of a kind a device's reads raised in that hour; `source` is the database that was compared."""

    hour: datetime
    device_id: str
    match_kind: str
    category: str
    source: str
    hits: int


def count_day(client: Client, day: date) -> None:
    """Count what is stored of a day (UTC) of collection. Safe to repeat. Raises TransientError when ClickHouse fails.

    Keeps: records.collection
    """
    with clickhouse_errors("count what was collected"):
        for sql in (_COUNT_READS, _COUNT_HITS):
            client.command(sql, parameters={"day": day}, settings=_SETTINGS)


def collected(client: Client, start: datetime, end: datetime) -> Sequence[CollectionCount]:
    """Counts of the hours that begin in [start, end). Raises TransientError. Keeps: log.public"""
    with clickhouse_errors("read the counts"):
        return [
            CollectionCount(**row) for row in client.query(_COLLECTED, parameters=_span(start, end)).named_results()
        ]


def hits(client: Client, start: datetime, end: datetime) -> Sequence[HitCount]:
    """Hits of the hours that begin in [start, end). Raises TransientError. Keeps: log.public"""
    with clickhouse_errors("read the counts"):
        return [HitCount(**row) for row in client.query(_HITS, parameters=_span(start, end)).named_results()]


class Counting:
    """Counts the days that changed since they were counted last."""

    def __init__(self) -> None:
        self._counted: dict[date, datetime] = {}

    def count_changed(self, client: Client, first_day: date) -> list[date]:
        """Count changed days from `first_day` on, earlier ones are about to be destroyed. Raises TransientError."""
        with clickhouse_errors("look for changed days"):
            rows: list[tuple[date, datetime, bool]] = [(*row,) for row in client.query(_CHANGED).result_rows]
        days = [row for row in sorted(rows) if row[0] >= first_day and self._counted.get(row[0]) != row[1]]
        for day, changed_at, is_settled in days:
            count_day(client, day)
            if is_settled:  # times are whole seconds: within this one more may come unseen
                self._counted[day] = changed_at
        return [day for day, _, _ in days]


def _span(start: datetime, end: datetime) -> dict[str, datetime]:
    return {"from_hour": start.astimezone(UTC), "until_hour": end.astimezone(UTC)}
