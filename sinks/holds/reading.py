"""Reads what a hold keeps, page by page, for evidence packages."""

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


class HeldReads(Protocol):
    """What holds keep. Its methods raise TransientError when the store is away."""

    def count(self, hold_id: UUID) -> int: ...

    def read(self, hold_id: UUID) -> Iterator[HeldRead]:
        """Each read once, oldest first."""
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
        while page := self._page(hold_id, after):
            yield from page
            after = {"after_ms": to_ms(page[-1].collected_at), "after_id": page[-1].read_id}

    def _page(self, hold_id: UUID, after: dict[str, Any]) -> list[HeldRead]:
        statement = _HELD.replace("{after}", _AFTER if after else "")
        with clickhouse_errors("read what a hold keeps"):
            found = self._store.client().query(statement, parameters={"hold_id": hold_id, **after})
            return [_held_read(row) for row in found.named_results()]


def _held_read(row: dict[str, Any]) -> HeldRead:
    kinds, hashes = row.pop("kinds"), row.pop("hashes")
    pictures = tuple(zip(kinds, (bytes(sha256) for sha256 in hashes), strict=True))
    times = {name: row[name].replace(tzinfo=UTC) for name in ("collected_at", "received_at")}
    return HeldRead(**{**row, **times}, pictures=pictures)
