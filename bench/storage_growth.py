"""`make bench-storage-growth`: what an insert, a search and a read on disk cost as the store fills, from 1M to 50M.

The store is filled by ClickHouse itself, from numbers: the sink would take most of the time of the bench, and what is
measured at each step goes through the sink's own code. Before a step is measured, days are merged as `Upkeep` does.
STEPS (reads, comma separated), INSERTED (reads of a measured insert) and SEARCHES shrink it; PLOT names a file.
"""

import os
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter

from bench.machine import describe_machine
from bench.percentiles import percentile
from bench.plates import PLATES, SCATTER, plate
from bench.plot import plot_storage_growth
from bench.report import Figures, exit_code, print_result, print_table, say, step
from bench.storage.ground import DAYS, draw_reads
from bench.storage.measuring import stopwatch
from platestream.clock import SetClock
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.plates import fold
from schemas.versions import versions
from sinks.clickhouse.merging import merge_one_day
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.questions import OfPlates, Question
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.sink import reads_keeper
from sinks.clickhouse.store import Store
from sinks.taken import Taken
from streams.chunks.records import records_of_values

_STEPS = "1000000,5000000,20000000,50000000"
_INSERTED = 200_000
_SEARCHES = 200
_PLATES = 2_000_000
_MOST_AT_ONCE = 5_000_000
_FILL = """
INSERT INTO reads_landing
SELECT
    leftPad(hex((rand64(1) % {plates:UInt64}) * {scatter:UInt64} % {all_plates:UInt64}), 7, '0') AS plate,
    {start:DateTime64(3)} - toIntervalDay(rand(2) % {days:UInt32}) + toIntervalSecond(rand(3) % 64800) AS collected_at,
    generateUUIDv4() AS read_id,
    if(rand(4) % 4 = 0, NULL, 'MN') AS state,
    concat('reader-', toString(rand(5) % 200)) AS device_id,
    collected_at + toIntervalMillisecond(rand(6) % 5000) AS received_at,
    44.9 + rand(7) / 4294967296 / 10 AS latitude,
    -93.2 + rand(8) / 4294967296 / 10 AS longitude,
    toFloat32(rand(9) % 1000 / 1000) AS confidence,
    [(plate, confidence)] AS candidates,
    if(rand(10) % 2 = 0, [], [(toFixedString(randomString(32), 32), 'PLATE')]) AS pictures
FROM numbers({first:UInt64}, {reads:UInt64})
"""
_SIZE = """
SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts
WHERE active AND table = 'reads' AND database = currentDatabase()
"""


@dataclass(frozen=True, kw_only=True)
class StorageGrowth:
    """One row. Searches are for all reads of one plate in 60 days, in milliseconds."""

    reads: int
    insert_cpu_seconds_per_million: float
    insert_reads_per_second: float
    search_p50_ms: float
    search_p95_ms: float
    bytes_a_read: float
    parts: int


class Filling:
    """A store that is filled step by step, and measured."""

    def __init__(self, store: Store, today: datetime) -> None:
        self._store, self._today = store, today
        ids = count(1)
        self._codec = Codec(
            {record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()}
        )
        self._chance = random.Random(5)
        self._filled = 0

    def fill(self, reads: int) -> None:
        """Until there are that many reads, in insert blocks of a million."""
        while self._filled < reads:
            portion = min(_MOST_AT_ONCE, reads - self._filled)
            asked = {
                "plates": _PLATES, "scatter": SCATTER, "all_plates": PLATES, "start": self._today, "days": DAYS,
                "first": self._filled, "reads": portion,
            }  # fmt: skip
            self._store.client().command(
                _FILL, parameters=asked, settings={"max_partitions_per_insert_block": 0, "max_insert_threads": 2}
            )
            self._filled += portion

    def merge(self) -> None:
        """As upkeep does in the night."""
        now, first_day = self._today + timedelta(days=2), (self._today - timedelta(days=DAYS)).date()
        while merge_one_day(self._store.client(), now, first_day, quiet_for=timedelta(0)):
            pass

    def measure(self, inserted: int, searches: int) -> StorageGrowth:
        """Searches first: an insert leaves parts."""
        rows, on_disk, parts = self._store.client().query(_SIZE).result_rows[0]
        seconds = [self._search() for _ in range(searches)]
        cpu, rate = self._insert(inserted)
        return StorageGrowth(
            reads=rows,
            insert_cpu_seconds_per_million=cpu,
            insert_reads_per_second=rate,
            search_p50_ms=1000 * statistics.median(seconds),
            search_p95_ms=1000 * percentile(seconds, 0.95),
            bytes_a_read=on_disk / rows,
            parts=parts,
        )

    def _search(self) -> float:
        question = Question(
            about=OfPlates(folded_plates=(fold(plate(self._chance.randrange(_PLATES)).decode()),)),
            collected_from=self._today - timedelta(days=70),
            collected_until=self._today + timedelta(days=1),
            row_limit=1000,
        )
        started = perf_counter()
        find_reads(self._store.client(), question)
        return perf_counter() - started

    def _insert(self, reads: int) -> tuple[float, float]:
        """CPU seconds a million reads and reads a second of one batch over all days."""
        values = draw_reads(self._codec, reads, self._today, [])
        taken = Taken("bench", 0, records_of_values(values), last_offset=reads - 1)
        keeper = reads_keeper(self._store, self._codec, SetClock(self._today + timedelta(hours=20)), DAYS)
        with stopwatch() as watch:
            piece, _ = keeper.sort(taken)
            keeper.keep([piece])
        self._filled += reads
        return watch.cpu_seconds / reads * 1e6, reads / watch.seconds


def main() -> None:
    steps = [int(size) for size in os.environ.get("STEPS", _STEPS).split(",")]
    inserted, searches = int(os.environ.get("INSERTED", _INSERTED)), int(os.environ.get("SEARCHES", _SEARCHES))
    machine = describe_machine()
    say(machine)
    today = datetime.combine(datetime.now(UTC).date(), time(1), UTC)
    with exit_code(), tempfile.TemporaryDirectory(prefix="platestream-bench-") as folder:
        store = Store(Settings(home=Path(folder)))
        migrate(store.client())
        rows, filling = list[StorageGrowth](), Filling(store, today)
        for reads in steps:
            with step(f"{reads:,} reads"):
                filling.fill(reads)
                filling.merge()
                rows.append(filling.measure(inserted, searches))
        store.close()
    _report(rows, machine)


def _report(rows: Sequence[StorageGrowth], machine: str) -> None:
    head = ("reads", "insert, CPU s/M", "insert, reads/s", "search p50 ms", "p95 ms", "bytes a read", "GB", "parts")
    cells = [
        (
            f"{row.reads:,}",
            f"{row.insert_cpu_seconds_per_million:.1f}",
            f"{row.insert_reads_per_second:,.0f}",
            f"{row.search_p50_ms:.1f}",
            f"{row.search_p95_ms:.1f}",
            f"{row.bytes_a_read:.0f}",
            f"{row.reads * row.bytes_a_read / 1e9:.2f}",
            f"{row.parts}",
        )
        for row in rows
    ]
    print_table("storage-growth", Figures(title=f"As the store fills ({machine})", head=head, rows=cells))
    if file := os.environ.get("PLOT"):
        plot_storage_growth(rows, Path(file))
    print_result({"bench": "storage-growth", "rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
