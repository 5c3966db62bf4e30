"""Reads the stored reads back. The gateway searches through here and nowhere else.

Values go to ClickHouse as typed parameters, never as text in a statement. A read may lie in the table more than once
until merges drop the repeats, so every query says LIMIT 1 BY read_id and every count is uniqExact(read_id).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from platestream.clock import to_ms
from sinks.clickhouse.store import clickhouse_errors

_BY_PLATE = """
SELECT
    plate, collected_at, read_id, state, device_id, received_at, latitude, longitude, confidence, candidates, pictures,
    classification
FROM reads
WHERE folded_plate = {folded_plate:String}
    AND collected_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND collected_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
ORDER BY collected_at DESC, read_id
LIMIT 1 BY read_id
LIMIT {rows:UInt32}
"""


@dataclass(frozen=True)
class StoredCandidate:
    plate: str = field(repr=False)
    confidence: float | None


@dataclass(frozen=True)
class StoredPicture:
    """`kind` and the day and id of the read name the picture in the picture store."""

    sha256: bytes
    kind: str


@dataclass(frozen=True, kw_only=True)
class StoredRead:
    """A row of `reads` as it is stored; times are aware UTC. `classification` is private unless changed.

    Keeps: classification.private
    """

    plate: str = field(repr=False)
    collected_at: datetime
    read_id: UUID
    state: str | None
    device_id: str
    received_at: datetime
    latitude: float
    longitude: float
    confidence: float | None
    candidates: tuple[StoredCandidate, ...]
    pictures: tuple[StoredPicture, ...]
    classification: str


def find_reads(client: Client, folded_plate: str, start: datetime, end: datetime, limit: int) -> list[StoredRead]:
    """Reads of a folded plate collected in [start, end), newest first, each once; at most `limit`.

    Raises TransientError when ClickHouse fails.
    """
    parameters = {"folded_plate": folded_plate, "from_ms": to_ms(start), "until_ms": to_ms(end), "rows": limit}
    with clickhouse_errors("search reads"):
        found = client.query(_BY_PLATE, parameters=parameters)
    return [_stored_read(row) for row in found.named_results()]


def count_reads(client: Client) -> int:
    """How many different reads are stored. Raises TransientError when ClickHouse fails."""
    with clickhouse_errors("count reads"):
        return int(client.query("SELECT uniqExact(read_id) FROM reads").result_rows[0][0])


def _stored_read(row: dict[str, Any]) -> StoredRead:
    candidates = tuple(StoredCandidate(**candidate) for candidate in row.pop("candidates"))
    pictures = tuple(StoredPicture(**picture) for picture in row.pop("pictures"))
    return StoredRead(candidates=candidates, pictures=pictures, **row)
