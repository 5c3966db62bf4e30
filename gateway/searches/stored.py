"""The reads in ClickHouse, as the searches ask for them."""

from collections.abc import Sequence

from gateway.searches.plate import PlateQuestion
from schemas.plates import fold
from sinks.clickhouse.reads import StoredRead, find_reads
from sinks.clickhouse.store import Store, clickhouse_errors


class ClickHouseReads:
    """Keeps the promises of `StoredReads`. Each thread asks with a client of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, question: PlateQuestion) -> Sequence[StoredRead]:
        return find_reads(
            self._store.client(),
            fold(question.plate),
            question.collected_from,
            question.collected_until,
            question.row_limit,
        )

    def check_reachable(self) -> None:
        with clickhouse_errors("answer"):
            self._store.client().command("SELECT 1")
