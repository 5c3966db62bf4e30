"""`make bench-growth`: how cost grows with the list and with workers: reads/s, seconds to load, bytes an entry.

The workers of a row load the list and share the partitions; then they are frozen while reads are put there, and let go
together, RUNS times. STEPS (sizes of the list, comma separated), READS (of a run) and RUNS shrink it; PLOT names the
file of the plot.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.broker import BenchBroker, bench_broker
from bench.contenders import OURS, Running, running
from bench.errors import BenchError
from bench.groups import begin_at_end, wait_for_members
from bench.machine import describe_machine
from bench.meter import AlertMeter, alert_meter
from bench.plot import plot_growth
from bench.report import Figures, exit_code, print_result, print_table, say, spread, step
from bench.templates import EntryTemplates, ReadTemplates
from bench.topics import Filling, ReadFiller, Segment, empty_alerts, fill_entries

PARTITIONS = 2
READS_PER_HIT = 500
WORKERS = (1, 2)
_FIRST_ENTRIES = 2 * PARTITIONS
_PATIENCE_SECONDS = 400
_SESSION_SECONDS = 30  # the broker must not take frozen workers for dead


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A worker that has loaded its list and matched its first read."""

    seconds: float
    rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One row; `rates` are the reads a second of each run, and seconds and bytes above those of an almost empty list.

    Several workers also wait for the group to share its partitions, so only one worker shows how long a load takes.
    """

    entries: int
    workers: int
    rates: tuple[float, ...]
    reads_per_second: float
    load_seconds: float | None
    bytes_an_entry: float


def filling_of(entries: int, reads: int, runs: int) -> Filling:
    """A block for each partition to see that the list is loaded, then the reads of each run."""
    first = Segment(name="first", reads=PARTITIONS * READS_PER_HIT)
    measured = (Segment(name=f"run {run}", reads=reads) for run in range(runs))
    return Filling(segments=(first, *measured), entries=entries, reads_per_hit=READS_PER_HIT, partitions=PARTITIONS)


def measure(broker: BenchBroker, filling: Filling, workers: int, empty: Loaded) -> Growth:
    """One row: start and load, then for each run freeze, fill, let go."""
    entries, rates = filling.entries, list[float]()
    with loaded_workers(broker, filling, workers, f"growth-{entries}-{workers}") as (loaded, meter, started, filler):
        for segment in filling.segments[1:]:
            seen = len(meter)
            with frozen(started):
                filler.fill(segment)
            rates.append(_rate(meter, started, seen, filling.hits(segment)))
        if sorted(meter.plates()) != sorted(filling.hit_plates()):
            raise BenchError("The workers raised the right number of alerts, but not for the right reads.")
    return Growth(
        entries=entries,
        workers=workers,
        rates=tuple(rates),
        reads_per_second=median(rates),
        load_seconds=max(loaded.seconds - empty.seconds, 0) if workers == 1 else None,
        bytes_an_entry=(loaded.rss_bytes - empty.rss_bytes) / entries,
    )


@contextmanager
def loaded_workers(
    broker: BenchBroker, filling: Filling, workers: int, group: str
) -> Iterator[tuple[Loaded, AlertMeter, list[Running], ReadFiller]]:
    """Workers that share the partitions and hold the whole list: each partition's first hit has raised its alert."""
    begin_at_end(broker.kafka, group, PARTITIONS)
    empty_alerts(broker.kafka)
    filler = ReadFiller(broker.kafka, ReadTemplates(broker.codec, datetime.now(UTC)), filling)
    with alert_meter(broker.kafka, PARTITIONS) as meter, ExitStack() as stack:
        started = [stack.enter_context(running(OURS, broker, group, number)) for number in range(workers)]
        wait_for_members(broker.kafka, group, workers, _PATIENCE_SECONDS, lambda: _check(started))
        filler.fill(filling.segments[0])
        at = meter.wait_for(PARTITIONS, _PATIENCE_SECONDS, lambda: _check(started))
        loaded = Loaded(seconds=at - started[0].started_at, rss_bytes=max(worker.rss_bytes() for worker in started))
        yield loaded, meter, started, filler


@contextmanager
def frozen(workers: Sequence[Running]) -> Iterator[None]:
    """The workers do nothing during the block."""
    for worker in workers:
        worker.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)


def _check(workers: Sequence[Running]) -> None:
    for worker in workers:
        worker.check()


def _rate(meter: AlertMeter, workers: Sequence[Running], seen: int, hits: int) -> float:
    """Reads a second between the first and the last of `hits` alerts, after `seen` before them."""
    last = meter.wait_for(seen + hits, _PATIENCE_SECONDS, lambda: _check(workers))
    return (hits - 1) * READS_PER_HIT / (last - meter.arrivals[seen])


def run_all(steps: Sequence[int], reads: int, runs: int) -> list[Growth]:
    """All rows, each list an extension of the one before."""
    rows, listed = [], _FIRST_ENTRIES
    with bench_broker(PARTITIONS, session_timeout_seconds=_SESSION_SECONDS) as broker:
        templates = EntryTemplates(broker.codec, datetime.now(UTC))
        fill_entries(broker.kafka, templates, range(listed))
        with loaded_workers(broker, filling_of(listed, 0, 0), 1, "growth-empty") as (empty, *_):
            say(f"an empty worker matches after {empty.seconds:.1f} s, in {empty.rss_bytes / 1024**2:.0f} MiB")
        for entries in steps:
            fill_entries(broker.kafka, templates, range(listed, entries))
            listed = entries
            for workers in WORKERS:
                with step(f"{entries:,} entries, {workers} workers"):
                    rows.append(measure(broker, filling_of(entries, reads, runs), workers, empty))
    return rows


def main() -> None:
    steps = [int(size) for size in os.environ.get("STEPS", "10000,100000,1000000,10000000").split(",")]
    reads, runs = int(os.environ.get("READS", "1600000")), int(os.environ.get("RUNS", "3"))
    machine = describe_machine()
    with exit_code():
        say(machine)
        rows = run_all(steps, reads, runs)
        head = ("entries", "workers", "reads/s", "load s", "bytes an entry")
        cells = [
            [f"{row.entries:,}", f"{row.workers}", spread(row.rates, ",.0f")]
            + ["-" if row.load_seconds is None else f"{row.load_seconds:.1f}", f"{row.bytes_an_entry:,.0f}"]
            for row in rows
        ]
        title = f"{runs} runs of {reads:,} reads, 0.2 % hits, {PARTITIONS} partitions ({machine})"
        print_table("growth", Figures(title=title, head=head, rows=cells))
        if "PLOT" in os.environ:
            plot_growth(rows, Path(os.environ["PLOT"]))
        print_result({"bench": "growth", "rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
