"""Reads the stored reads back. The gateway searches through here and nowhere else.

Values go to ClickHouse as typed parameters, never as text in a statement. A read may lie in the table more than once
until merges drop the repeats, so every query says LIMIT 1 BY read_id and every count is uniqExact(read_id).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from platestream.errors import InvalidMessage
from sinks.clickhouse.questions import Question, condition_of
from sinks.clickhouse.store import clickhouse_errors

_SELECT = """
SELECT
    plate, collected_at, read_id, state, device_id, received_at, latitude, longitude, confidence, candidates, pictures,
    classification
FROM reads
WHERE """
_NEWEST_FIRST = """
ORDER BY collected_at DESC, read_id
LIMIT 1 BY read_id
LIMIT {rows:UInt32}
"""
_BAD_ARGUMENTS = 36  # the only one that a question can have is a polygon
_LIMITS_EXCEEDED = frozenset({158, 159, 160, 241, 307})  # rows, time, time foreseen, memory, bytes


class TooCostly(InvalidMessage):
    """A question that the store was not allowed to work on any longer."""


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


def find_reads(client: Client, question: Question, settings: Mapping[str, Any] | None = None) -> list[StoredRead]:
    """What a question asks for, each read once. `settings` are ClickHouse's, for this statement alone.

    Raises TransientError when ClickHouse fails, TooCostly when the statement is ended by a limit of its settings,
    InvalidMessage when it cannot search in an area.
    """
    condition = condition_of(question)
    parameters = condition.parameters | {"rows": question.row_limit}
    with clickhouse_errors("search reads"), _askers_errors():
        statement = _SELECT + condition.sql + _NEWEST_FIRST
        found = client.query(statement, parameters=parameters, settings=dict(settings or {}))
    return [_stored_read(row) for row in found.named_results()]


@contextmanager
def _askers_errors() -> Iterator[None]:
    try:
        yield
    except Error as error:
        if error.code == _BAD_ARGUMENTS:
            raise InvalidMessage(
                "area-unusable", "The store cannot search in that polygon; its sides must not cross each other."
            ) from None
        if error.code not in _LIMITS_EXCEEDED:
            raise
        raise TooCostly(
            "too-costly", "The search would read too much of the store; ask for less time or a smaller place."
        ) from None


def end_statements(client: Client, comment: str) -> None:
    """End what runs under a `log_comment`; its caller gets a TransientError. Nothing is waited for.

    Raises TransientError when ClickHouse fails.
    """
    ending = "KILL QUERY WHERE Settings['log_comment'] = {comment:String} ASYNC"
    with clickhouse_errors("end a search"):
        client.query(ending, parameters={"comment": comment})


def count_reads(client: Client) -> int:
    """How many different reads are stored. Raises TransientError when ClickHouse fails."""
    with clickhouse_errors("count reads"):
        return int(client.query("SELECT uniqExact(read_id) FROM reads").result_rows[0][0])


def _stored_read(row: dict[str, Any]) -> StoredRead:
    candidates = tuple(StoredCandidate(**candidate) for candidate in row.pop("candidates"))
    pictures = tuple(StoredPicture(**picture) for picture in row.pop("pictures"))
    return StoredRead(candidates=candidates, pictures=pictures, **row)
