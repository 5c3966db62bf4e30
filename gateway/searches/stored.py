"""The reads in ClickHouse, as the searches ask for them.

A client of the engine belongs to one thread and takes 25 ms to open, so a few threads stay for the gateway's life,
and no more searches than these run in the engine at once. What a search may cost is set with its statement, whose
comment is the search's id: by it the engine finds the statement that is to be ended (chDB gives no other name).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from platestream.errors import TransientError
from platestream.settings import GatewaySettings
from sinks.clickhouse.counting import CollectionCount, HitCount, collected, hits
from sinks.clickhouse.questions import Question
from sinks.clickhouse.reads import StoredRead, end_statements, find_reads
from sinks.clickhouse.store import Store, clickhouse_errors

T = TypeVar("T")

_THREADS = 8
_GRACE_SECONDS = 20  # for the searches that stand before one


class ClickHouseReads:
    """Keeps the promises of `StoredReads`. Close it before the store."""

    def __init__(self, store: Store, gateway: GatewaySettings) -> None:
        self._store = store
        self._cost = {
            "max_execution_time": gateway.max_search_seconds,
            "max_bytes_to_read": gateway.max_search_bytes,
            "max_memory_usage": gateway.max_search_bytes,
        }
        self._longest_seconds = gateway.max_search_seconds + _GRACE_SECONDS
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")
        self._ending = ThreadPoolExecutor(1, thread_name_prefix="end-search")
        self._under_way: dict[UUID, Future[list[StoredRead]]] = {}

    def find(self, question: Question, search_id: UUID) -> Sequence[StoredRead]:
        settings: dict[str, Any] = {**self._cost, "log_comment": str(search_id)}
        asked = self._threads.submit(lambda: find_reads(self._store.client(), question, settings))
        self._under_way[search_id] = asked
        try:
            return self._wait(asked)
        except TransientError:
            self.end(search_id)
            raise
        finally:
            del self._under_way[search_id]

    def end(self, search_id: UUID) -> None:
        asked = self._under_way.get(search_id)
        if asked is not None and not asked.cancel() and not asked.done():
            self._ending.submit(lambda: end_statements(self._store.client(), str(search_id)))

    def count_collected(self, start: datetime, end: datetime) -> Sequence[CollectionCount]:
        return self._run(lambda: collected(self._store.client(), start, end))

    def count_hits(self, start: datetime, end: datetime) -> Sequence[HitCount]:
        return self._run(lambda: hits(self._store.client(), start, end))

    def check_reachable(self) -> None:
        self._run(self._ask_nothing)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._ending.shutdown()

    def _ask_nothing(self) -> None:
        with clickhouse_errors("answer"):
            self._store.client().command("SELECT 1")

    def _run(self, ask: Callable[[], T]) -> T:
        return self._wait(self._threads.submit(ask))

    def _wait(self, asked: Future[T]) -> T:
        try:
            return asked.result(self._longest_seconds)
        except TimeoutError:
            asked.cancel()
            raise TransientError(f"ClickHouse did not answer within {self._longest_seconds} s.") from None
        except CancelledError:
            raise TransientError("The search was ended before it began; whoever asked has left.") from None
