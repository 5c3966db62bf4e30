"""From a question to what is told of the store: cut at its limit, and nothing that is past its day of destruction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from platestream.retention import first_kept
from schemas.plates import fold
from sinks.clickhouse.counting import CollectionCount, HitCount
from sinks.clickhouse.questions import Position, Question
from sinks.clickhouse.reads import StoredRead


class StoredReads(Protocol):
    """Where reads are kept. All methods raise TransientError when it is away."""

    def find(self, question: Question, search_id: UUID) -> Sequence[StoredRead]:
        """What a question asks for. Raises TooCostly when it takes more than a search may."""
        ...

    def end(self, search_id: UUID) -> None:
        """End what is being found for a search; nobody waits for it. Safe to repeat, also when it is over."""
        ...

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

    @property
    def last(self) -> Position:
        """Where the next page begins."""
        return Position(collected_at=self.reads[-1].collected_at, read_id=self.reads[-1].read_id)

    def only_plate(self) -> str | None:
        """The folded plate of all reads, if they have one in common."""
        plates = {fold(read.plate) for read in self.reads}
        return plates.pop() if len(plates) == 1 else None


def find_stored(reads: StoredReads, question: Question, search_id: UUID, now: datetime, retention_days: int) -> Found:
    """Ask the store for one read more than is told, so that a cut answer says so.

    Reads past their day of destruction are not asked for, even while a disk still has them.
    Raises TransientError when the store is away, TooCostly when the question takes more than a search may.

    Keeps: retention.sixty-days
    """
    oldest = max(question.collected_from, first_kept(now, retention_days))
    if oldest >= question.collected_until:
        return Found((), False)
    one_more = replace(question, collected_from=oldest, row_limit=question.row_limit + 1)
    found = tuple(reads.find(one_more, search_id))
    return Found(found[: question.row_limit], len(found) > question.row_limit)
