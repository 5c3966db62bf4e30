"""The reads in ClickHouse, as the searches ask for them.

A client of the engine belongs to one thread and takes 25 ms to open, so a few threads stay for the gateway's life,
and no more searches than these run in the engine at once.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from gateway.searches.plate import PlateQuestion
from platestream.errors import TransientError
from schemas.plates import fold
from sinks.clickhouse.counting import CollectionCount, HitCount, collected, hits
from sinks.clickhouse.reads import StoredRead, find_reads
from sinks.clickhouse.store import Store, clickhouse_errors

T = TypeVar("T")

_THREADS = 8
_LONGEST_SECONDS = 30


class ClickHouseReads:
    """Keeps the promises of `StoredReads`. Close it before the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")

    def find(self, question: PlateQuestion) -> Sequence[StoredRead]:
        return self._run(lambda: self._find(question))

    def count_collected(self, start: datetime, end: datetime) -> Sequence[CollectionCount]:
        return self._run(lambda: collected(self._store.client(), start, end))

    def count_hits(self, start: datetime, end: datetime) -> Sequence[HitCount]:
        return self._run(lambda: hits(self._store.client(), start, end))

    def check_reachable(self) -> None:
        self._run(self._ask_nothing)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _find(self, question: PlateQuestion) -> Sequence[StoredRead]:
        folded, start, end = fold(question.plate), question.collected_from, question.collected_until
        return find_reads(self._store.client(), folded, start, end, question.row_limit)

    def _ask_nothing(self) -> None:
        with clickhouse_errors("answer"):
            self._store.client().command("SELECT 1")

    def _run(self, ask: Callable[[], T]) -> T:
        asked = self._threads.submit(ask)
        try:
            return asked.result(_LONGEST_SECONDS)
        except TimeoutError:
            asked.cancel()
            raise TransientError(f"ClickHouse did not answer within {_LONGEST_SECONDS} s.") from None
