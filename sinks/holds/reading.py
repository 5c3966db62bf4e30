"""Reads and alerts that a hold keeps, page by page, for evidence packages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from platestream.clock import to_ms
from sinks.clickhouse.store import Store, clickhouse_errors

_PAGE = 5_000
_COLUMNS = (
    "read_id, plate, state, collected_at, received_at, device_id, latitude, longitude, confidence, classification, "
    "pictures.sha256 AS hashes, pictures.kind AS kinds"
)
_AFTER = "AND (collected_at, read_id) > (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_id:UUID})"
_HELD = f"""
SELECT {_COLUMNS} FROM held_reads WHERE hold_id = {{hold_id:UUID}} {{after}}
ORDER BY collected_at, read_id LIMIT 1 BY read_id LIMIT {_PAGE}
"""  # noqa: S608 - put together from constants alone; values are parameters
_ALERT_COLUMNS = (
    "alert_id, sighting, read_id, raised_at, status, notice, match_kind, state_verdict, priority, plate, state, "
    "collected_at, device_id, latitude, longitude, confidence, matched_candidate, list_plate, list_state, source, "
    "category, case_number, entry_id, extracted_at, is_late, is_stale, classification"
)
_AFTER_ALERT = (
    "AND (raised_at, alert_id, sighting) > "
    "(fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_id:UUID}, {after_sighting:Int32})"
)
_HELD_ALERTS = f"""
SELECT {_ALERT_COLUMNS}, outcome, verified_by, verified_at, report_number
FROM
(
    SELECT {_ALERT_COLUMNS} FROM held_alerts FINAL WHERE hold_id = {{hold_id:UUID}} {{after}}
    ORDER BY raised_at, alert_id, sighting LIMIT {_PAGE}
) AS held
LEFT JOIN
(
    SELECT alert_id, outcome, verified_by, verified_at, report_number FROM alert_outcomes FINAL
    WHERE alert_id IN (SELECT alert_id FROM held_alerts WHERE hold_id = {{hold_id:UUID}})
) AS told USING (alert_id)
ORDER BY raised_at, alert_id, sighting SETTINGS join_use_nulls = 1
"""  # noqa: S608 - as above
_COUNT = "SELECT uniqExact(read_id) FROM held_reads WHERE hold_id = {hold_id:UUID}"


@dataclass(frozen=True, kw_only=True)
class HeldRead:
    """One read that a hold keeps; `pictures` are kind and SHA-256. Times are aware UTC."""

    read_id: UUID
    plate: str = field(repr=False)
    state: str | None
    collected_at: datetime
    received_at: datetime
    device_id: str
    latitude: float
    longitude: float
    confidence: float | None
    classification: str
    pictures: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeldAlert:
    """One sighting of an alert on a held read, and what a person last found about the alert, if anybody did.

    Times are aware UTC; `state` and `confidence` are the read's, `list_plate` and `list_state` the list's.
    """

    alert_id: UUID
    sighting: int
    read_id: UUID
    raised_at: datetime
    status: str
    notice: str
    match_kind: str
    state_verdict: str
    priority: int
    plate: str = field(repr=False)
    state: str | None
    collected_at: datetime
    device_id: str
    latitude: float
    longitude: float
    confidence: float | None
    matched_candidate: str | None = field(repr=False)
    list_plate: str = field(repr=False)
    list_state: str | None
    source: str
    category: str
    case_number: str | None
    entry_id: str
    extracted_at: datetime
    is_late: bool
    is_stale: bool
    classification: str
    outcome: str | None = None
    verified_by: str | None = None
    verified_at: datetime | None = None
    report_number: str | None = None


class HeldReads(Protocol):
    """What holds keep. Its methods raise TransientError when the store is away."""

    def count(self, hold_id: UUID) -> int: ...

    def read(self, hold_id: UUID) -> Iterator[HeldRead]:
        """Each read once, oldest first."""
        ...

    def alerts(self, hold_id: UUID) -> Iterator[HeldAlert]:
        """Each sighting of each alert once, in the order in which they were raised."""
        ...


class StoredHolds:
    """What holds keep in ClickHouse. Keeps the promises of `HeldReads`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, hold_id: UUID) -> int:
        with clickhouse_errors("count held reads"):
            return int(self._store.client().query(_COUNT, parameters={"hold_id": hold_id}).result_rows[0][0])

    def read(self, hold_id: UUID) -> Iterator[HeldRead]:
        after: dict[str, Any] = {}
        while page := [_held_read(row) for row in self._page(_HELD, _AFTER, hold_id, after)]:
            yield from page
            after = {"after_ms": to_ms(page[-1].collected_at), "after_id": page[-1].read_id}

    def alerts(self, hold_id: UUID) -> Iterator[HeldAlert]:
        after: dict[str, Any] = {}
        while page := [HeldAlert(**row) for row in self._page(_HELD_ALERTS, _AFTER_ALERT, hold_id, after)]:
            yield from page
            last = page[-1]
            after = {
                "after_ms": to_ms(last.raised_at), "after_id": last.alert_id, "after_sighting": last.sighting
            }  # fmt: skip

    def _page(self, statement: str, condition: str, hold_id: UUID, after: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows by column, with aware times. `condition` stands in the statement when there is a page before."""
        statement = statement.replace("{after}", condition if after else "")
        with clickhouse_errors("read what a hold keeps"):
            found = self._store.client().query(statement, parameters={"hold_id": hold_id, **after})
            return [{name: _aware(value) for name, value in row.items()} for row in found.named_results()]


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _held_read(row: dict[str, Any]) -> HeldRead:
    kinds, hashes = row.pop("kinds"), row.pop("hashes")
    pictures = tuple(zip(kinds, (bytes(sha256) for sha256 in hashes), strict=True))
    return HeldRead(**row, pictures=pictures)
