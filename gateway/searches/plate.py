"""The search for one plate over a span of time, in every spelling that folds to the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from platestream.retention import first_kept
from sinks.clickhouse.counting import CollectionCount, HitCount
from sinks.clickhouse.reads import StoredRead


@dataclass(frozen=True, kw_only=True)
class PlateQuestion:
    """Reads whose folded plate is that of `plate`, collected in [collected_from, collected_until), newest first."""

    plate: str = field(repr=False)
    collected_from: datetime
    collected_until: datetime
    row_limit: int


class StoredReads(Protocol):
    """Where reads are kept. All methods raise TransientError when it is away."""

    def find(self, question: PlateQuestion) -> Sequence[StoredRead]: ...

    def count_collected(self, start: datetime, end: datetime) -> Sequence[CollectionCount]:
        """Of the hours that begin in [start, end)."""
        ...

    def count_hits(self, start: datetime, end: datetime) -> Sequence[HitCount]:
        """Of the hours that begin in [start, end)."""
        ...

    def check_reachable(self) -> None: ...


@dataclass(frozen=True)
class Found:
    """At most `row_limit` reads; `is_truncated` when there were more."""

    reads: tuple[StoredRead, ...]
    is_truncated: bool


def search_plate(reads: StoredReads, question: PlateQuestion, now: datetime, retention_days: int) -> Found:
    """Ask the store for one read more than is told, so that a cut answer says so.

    Reads past their day of destruction are not asked for, even while a disk still has them.
    Raises TransientError when the store is away.

    Keeps: retention.sixty-days
    """
    oldest = first_kept(now, retention_days)
    one_more = PlateQuestion(
        plate=question.plate,
        collected_from=max(question.collected_from, oldest),
        collected_until=question.collected_until,
        row_limit=question.row_limit + 1,
    )
    found = tuple(reads.find(one_more)) if one_more.collected_from < one_more.collected_until else ()
    return Found(found[: question.row_limit], len(found) > question.row_limit)
