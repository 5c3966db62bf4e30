"""Copies what holds are about out of `reads` and `alerts` into their own partitions, each read once.

A copy is safe to repeat: what the hold has already is left out (an anti-join on the read's id), and the table would
drop a double. It is made in full when a hold opens and before a day is dropped; each minute, or at its turn when holds
are many, it looks at what was stored since. Reads of plates in `suppressed_plates` go into active investigations only.

Holds on plates may be a thousand, so they share statements; any other hold has its own.
"""

# ruff: noqa: S608 - statements are put together from constants alone; values are parameters

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from clickhouse_connect.driver.client import Client

from platestream.clock import to_ms
from schemas.messages import PictureKind
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.holds.acts import Named
from sinks.holds.matching import condition_of
from sinks.holds.state import Hold

_READ = (
    "folded_plate, collected_at, read_id, plate, state, device_id, received_at, latitude, longitude, confidence, "
    "candidates, pictures, classification"
)
_ALERT = (
    "folded_plate, plate, collected_at, alert_id, sighting, read_id, entry_id, raised_at, status, "
    "match_kind, state_verdict, priority, notice, state, device_id, received_at, latitude, longitude, "
    "confidence, candidates, pictures, list_plate, list_state, source, category, case_number, "
    "extracted_at, differing_positions, matched_candidate, is_late, is_stale, list_age_seconds, "
    "entry_effective_at, entry_age_seconds, passage_started_at, last_seen_at, source_offset, "
    "classification"
)
_COPY_READS = f"""
INSERT INTO held_reads (hold_id, {_READ})
SELECT {{hold_id:UUID}} AS hold_id, {_READ} FROM reads
WHERE {{condition}} {{scope}}
    AND read_id NOT IN (SELECT read_id FROM held_reads WHERE hold_id = {{hold_id:UUID}})
LIMIT 1 BY read_id
"""
_COPY_BY_PLATE = f"""
INSERT INTO held_reads (hold_id, {_READ})
SELECT hold_id, {_READ}
FROM (SELECT {_READ} FROM reads WHERE folded_plate IN {{plates:Array(String)}} {{scope}}) AS found
INNER JOIN
(
    SELECT one.1 AS hold_id, one.2 AS folded_plate, one.3 AS from_ms, one.4 AS until_ms, one.5 AS keeps_suppressed
    FROM (SELECT arrayJoin({{wanted:Array(Tuple(UUID, String, Int64, Int64, UInt8))}}) AS one)
) AS wanted USING (folded_plate)
WHERE collected_at >= fromUnixTimestamp64Milli(from_ms, 'UTC')
    AND collected_at < fromUnixTimestamp64Milli(until_ms, 'UTC')
    AND (keeps_suppressed = 1 OR folded_plate NOT IN (SELECT folded_plate FROM suppressed_plates))
    AND (hold_id, read_id) NOT IN
    (SELECT hold_id, read_id FROM held_reads WHERE folded_plate IN {{plates:Array(String)}})
LIMIT 1 BY hold_id, read_id
"""
_COPY_ALERTS = f"""
INSERT INTO held_alerts (hold_id, {_ALERT})
SELECT hold_id, {_ALERT}
FROM alerts INNER JOIN (SELECT DISTINCT hold_id, read_id FROM held_reads) AS held USING (read_id)
WHERE hold_id IN {{hold_ids:Array(UUID)}} {{scope}}
    AND (hold_id, alert_id, sighting) NOT IN (SELECT hold_id, alert_id, sighting FROM held_alerts)
LIMIT 1 BY hold_id, alert_id, sighting
"""
_MOST_WANTED = 5000  # a statement is text, and is parsed
_BESIDE = {"max_threads": 1, "os_thread_priority": 19}  # what comes in goes first: a copy may take its time
_MANY_HOLDS = {**_BESIDE, "max_partitions_per_insert_block": 0}
_SINCE = "AND stored_at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')"
_BEFORE = "AND collected_at < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')"
_SUPPRESSED = "AND folded_plate IN (SELECT folded_plate FROM suppressed_plates)"
_NOT_SWEPT = "AND folded_plate NOT IN (SELECT folded_plate FROM suppressed_plates)"
_STORED_PLATES = f"SELECT DISTINCT folded_plate FROM reads WHERE folded_plate IN {{plates:Array(String)}} {_SINCE}"
_NEWEST = "SELECT toUnixTimestamp64Milli(max(stored_at)) FROM reads"
_COUNTS = "SELECT hold_id, uniqExact(read_id) FROM held_reads GROUP BY hold_id"
_OVERDUE = f"SELECT uniqExact(read_id) FROM held_reads WHERE true {_BEFORE}"
_PICTURES = """
SELECT hold_id, read_id, any(collected_at), any(pictures.sha256), any(pictures.kind) FROM held_reads
WHERE hold_id IN {hold_ids:Array(UUID)} AND notEmpty(pictures) {scope} GROUP BY hold_id, read_id
"""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which stored rows a copy looks at: those stored since a time, or collected before one; all of them if neither."""

    stored_since_ms: int | None = None
    collected_before: datetime | None = None

    @property
    def sql(self) -> str:
        return " ".join(
            ([] if self.stored_since_ms is None else [_SINCE]) + ([] if self.collected_before is None else [_BEFORE])
        )

    @property
    def parameters(self) -> dict[str, int]:
        before = {} if self.collected_before is None else {"before_ms": to_ms(self.collected_before)}
        return before if self.stored_since_ms is None else {**before, "since_ms": self.stored_since_ms}


@dataclass(frozen=True, kw_only=True)
class WantedPlate:
    """A folded plate that a hold names, and the span of collection (milliseconds since 1970) it is about."""

    hold_id: UUID
    folded_plate: str = field(repr=False)
    from_ms: int
    until_ms: int
    keeps_suppressed: bool


@dataclass(frozen=True, kw_only=True)
class HeldReference:
    """A picture that a held read names."""

    hold_id: UUID
    read_id: UUID
    collected_at: datetime
    sha256: bytes
    kind: PictureKind


class HeldRows:
    """The rows of all holds. Its methods raise TransientError when ClickHouse fails.

    Statements with plates go by `raw_query`: it puts parameters into the body of a request, `command` into its address.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest_ms(self) -> int:
        """When the newest read was stored, by ClickHouse's clock; 0 when there is none."""
        with clickhouse_errors("look for new reads"):
            return int(self._client().query(_NEWEST).result_rows[0][0])

    def plates_stored(self, plates: Iterable[str], since_ms: int, *, suppressed_only: bool) -> set[str]:
        """Which of these folded plates, or of the suppressed ones among them, have reads that were stored since."""
        statement = f"{_STORED_PLATES} {_SUPPRESSED if suppressed_only else ''}"
        with clickhouse_errors("look for held plates"):
            parameters = {"plates": list(plates), "since_ms": since_ms}
            return {plate for (plate,) in self._client().query(statement, parameters=parameters).result_rows}

    def copy_reads(self, hold: Hold, named: Named, scope: Scope, now: datetime) -> None:
        """Copy what the hold is about and does not have yet. Keeps: evidence.copy, retention.suppressed"""
        condition = condition_of(hold.opened.selection, named)
        swept = "" if hold.is_active_investigation(now) else _NOT_SWEPT
        statement = _COPY_READS.replace("{condition}", condition.sql).replace("{scope}", f"{scope.sql} {swept}")
        parameters = {"hold_id": hold.id, **condition.parameters, **scope.parameters}
        with clickhouse_errors("copy reads into a hold"):
            self._client().raw_query(statement, parameters=parameters, settings=_BESIDE)

    def copy_plates(self, wanted: Sequence[WantedPlate], scope: Scope) -> None:
        """Copy what holds on plates are about and do not have yet. Keeps: evidence.copy, retention.suppressed"""
        statement = _COPY_BY_PLATE.replace("{scope}", scope.sql)
        for start in range(0, len(wanted), _MOST_WANTED):
            some = wanted[start : start + _MOST_WANTED]
            parameters = {
                "wanted": [(w.hold_id, w.folded_plate, w.from_ms, w.until_ms, int(w.keeps_suppressed)) for w in some],
                "plates": sorted({w.folded_plate for w in some}),
            }
            with clickhouse_errors("copy reads into holds"):
                self._client().raw_query(statement, parameters={**parameters, **scope.parameters}, settings=_MANY_HOLDS)

    def copy_alerts(self, hold_ids: Iterable[UUID], scope: Scope) -> None:
        """Copy the alerts of the reads that these holds have."""
        with clickhouse_errors("copy alerts into holds"):
            self._client().raw_query(
                _COPY_ALERTS.replace("{scope}", scope.sql),
                parameters={"hold_ids": list(hold_ids), **scope.parameters},
                settings=_BESIDE,
            )

    def counts(self) -> dict[UUID, int]:
        """Reads of each hold that has any."""
        with clickhouse_errors("count held reads"):
            return {hold_id: count for hold_id, count in self._client().query(_COUNTS).result_rows}

    def count_collected_before(self, before: datetime) -> int:
        """Reads that were collected before this time and are there only because a hold keeps them."""
        with clickhouse_errors("count held reads"):
            return int(self._client().query(_OVERDUE, parameters={"before_ms": to_ms(before)}).result_rows[0][0])

    def pictures(self, hold_ids: Iterable[UUID], scope: Scope) -> list[HeldReference]:
        """All pictures that reads of these holds name."""
        parameters = {"hold_ids": list(hold_ids), **scope.parameters}
        with clickhouse_errors("look for pictures of held reads"):
            rows = self._client().query(_PICTURES.replace("{scope}", scope.sql), parameters=parameters).result_rows
        return [
            HeldReference(
                hold_id=hold_id,
                read_id=read_id,
                collected_at=collected_at,
                sha256=bytes(sha256),
                kind=PictureKind(kind),
            )
            for hold_id, read_id, collected_at, hashes, kinds in rows
            for sha256, kind in zip(hashes, kinds, strict=True)
        ]

    def _client(self) -> Client:
        return self._store.client()
