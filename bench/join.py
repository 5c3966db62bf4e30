"""`make bench-join`: our worker beside its peers, same run, broker, topics and commit interval, hits decoded in all.

ENTRIES, READS, RUNS and PEERS (all, quick, none) shrink or lengthen it.
"""

import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from bench.broker import BenchBroker, bench_broker
from bench.contenders import OURS, Contender
from bench.groups import begin_at_end
from bench.kafka_streams import NO_JDK, StreamsVariant, has_jdk, streams_contenders
from bench.machine import describe_machine
from bench.report import Figures, exit_code, print_result, print_table, say, step
from bench.runs import Run, run_join
from bench.templates import EntryTemplates, ReadTemplates
from bench.topics import ENTRIES_TOPIC, READS_TOPIC, Filling, ReadFiller, Segment, fill_entries, fill_partial_entries
from streams.tail import tail

ENTRIES = 10_000_000
READS = 5_000_000
READS_PER_HIT = 500  # 0.2 %
_MAIN = "join"
_PARTIAL = 100
_WARM_SECONDS = 30
_STREAMS = (
    StreamsVariant(store="memory"),
    StreamsVariant(store="rocksdb"),
    StreamsVariant(store="rocksdb", is_tuned=False),
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a run is. `peers`: all, quick (Python's only) or none."""

    entries: int
    reads: int
    runs: int
    peers: str


def size_of_environment() -> Size:
    """ENTRIES, READS, RUNS, PEERS."""
    return Size(
        entries=int(os.environ.get("ENTRIES", ENTRIES)),
        reads=int(os.environ.get("READS", READS)),
        runs=int(os.environ.get("RUNS", "2")),
        peers=os.environ.get("PEERS", "all"),
    )


def filling_of(size: Size) -> Filling:
    """The reads of the run: most in batches of a thousand, then some of 50, 5 and 1 read a produce request."""
    tail = max(size.reads // 25 // READS_PER_HIT, 2) * READS_PER_HIT
    return Filling(
        segments=(
            Segment(name=_MAIN, reads=size.reads),
            Segment(name="50 reads a request", reads=2 * tail, reads_per_request=50),
            Segment(name="5 reads a request", reads=tail, reads_per_request=5),
            Segment(name="1 read a request", reads=tail, reads_per_request=1),
        ),
        entries=size.entries,
        reads_per_hit=READS_PER_HIT,
    )


def python_peers() -> list[Contender]:
    """Peers that need no JDK."""
    return [
        Contender(name="confluent-kafka loop", argv=lambda *_: [sys.executable, "-m", "bench.peers.confluent_loop"]),
        Contender(name="stock Faust", argv=lambda *_: [sys.executable, "-m", "bench.peers.stock_faust"], share=1 / 100),
    ]


def run_all(size: Size, broker: BenchBroker) -> list[Run]:
    """Fill the topics and run everyone; ours before and after the peers."""
    filling, now = filling_of(size), datetime.now(UTC)
    with step(f"{size.entries:,} entries onto the topic"):
        fill_entries(broker.kafka, EntryTemplates(broker.codec, now), range(size.entries))
    with step(f"{sum(segment.reads for segment in filling.segments):,} reads onto the topic"):
        ReadFiller(broker.kafka, ReadTemplates(broker.codec, now), filling).fill_all()
    with step("the broker warms up"):  # its code is compiled as it is used, and who reads first would wait for it
        for topic in (ENTRIES_TOPIC, READS_TOPIC):
            deque(tail(broker.kafka, topic, 0, sys.maxsize, timeout_seconds=_WARM_SECONDS), maxlen=0)
    expected, runs = filling.hit_plates(), []
    for number, contender in enumerate(line_up(size, broker)):
        with step(contender.name):
            runs.append(run_join(contender, broker, f"bench-{number}", filling, expected))
        say("  ".join(rows_of(runs[-1:])[0][1:]))
    return runs


def run_partial(size: Size, broker: BenchBroker) -> Run:
    """Our worker once more, with a hundred PARTIAL entries on the list and reads that only they meet."""
    segment, group = Segment(name="partial", reads=size.reads), "bench-partial"
    met = min(_PARTIAL, size.reads // READS_PER_HIT // 2)
    filling = Filling(segments=(segment,), entries=size.entries, reads_per_hit=READS_PER_HIT, partial_plates=met)
    begin_at_end(broker.kafka, group)
    fill_partial_entries(broker.kafka, broker.codec, _PARTIAL)
    ReadFiller(broker.kafka, ReadTemplates(broker.codec, datetime.now(UTC)), filling).fill_all()
    with_partial = replace(OURS, name=f"{OURS.name}, {_PARTIAL} partial plates")
    return run_join(with_partial, broker, group, filling, filling.hit_plates())


def line_up(size: Size, broker: BenchBroker) -> list[Contender]:
    """Who runs, in which order."""
    peers: list[Contender] = []
    if size.peers != "none":
        peers = python_peers()
    if size.peers == "all":
        peers += streams_contenders(broker.folder, _STREAMS) if has_jdk() else []
        if not has_jdk():
            say(NO_JDK)
    return [OURS, *peers, *[OURS] * (size.runs - 1)]


def rows_of(runs: Sequence[Run]) -> list[list[str]]:
    """The table's rows, one a run."""
    rows = []
    for run in runs:
        rates = [f"{segment.reads_per_second:,.0f}" for segment in run.segments]
        cpu = f"{run.segments[0].cpu_seconds_per_million:.2f}"
        rows.append([run.name, rates[0], cpu, f"{run.ready_seconds:.1f}", f"{run.rss_bytes / 1024**2:,.0f}"])
        rows[-1] += [*rates[1:], *["-"] * (4 - len(rates))]
    return rows


def result_of(runs: Sequence[Run], partial: Run) -> dict[str, Any]:
    """The JSON object: ours is the mean of its runs, Kafka Streams the best tuned one."""
    ours = [run for run in runs if run.name == OURS.name]
    peers = {run.name: round(run.segments[0].reads_per_second) for run in runs if run.name != OURS.name}
    reads_per_second = mean(run.segments[0].reads_per_second for run in ours)
    streams = [rate for name, rate in peers.items() if name.startswith("Kafka Streams") and name.endswith("tuned")]
    return {
        "bench": "join",
        "reads_per_second": round(reads_per_second),
        "peers": peers,
        "ratio_kafka_streams": round(reads_per_second / max(streams), 2) if streams else None,
        "cpu_seconds_per_million": {run.name: round(run.segments[0].cpu_seconds_per_million, 2) for run in runs},
        "reads_per_second_by_request": {
            segment.name: round(segment.reads_per_second) for segment in ours[0].segments[1:]
        },
        f"reads_per_second_{_PARTIAL}_partial_plates": round(partial.segments[0].reads_per_second),
    }


def main() -> None:
    size, machine = size_of_environment(), describe_machine()
    with exit_code(), bench_broker() as broker:
        say(machine)
        runs = run_all(size, broker)
        with step(f"platestream with {_PARTIAL} partial plates"):
            partial = run_partial(size, broker)
        head = ("", "reads/s", "CPU s/million", "ready s", "MiB", "50 a request", "5", "1")
        title = f"{size.entries:,} entries, {size.reads:,} reads, 0.2 % hits ({machine})"
        print_table("join", Figures(title=title, head=head, rows=rows_of([*runs, partial])))
        print_result(result_of(runs, partial))


if __name__ == "__main__":
    main()
