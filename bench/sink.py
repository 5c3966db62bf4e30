"""`make bench-sink`: reads a second from Kafka into `reads` over 60 day partitions, beside fastavro with ordinary
inserts and beside ClickHouse alone, which reads the same reads from a ready Avro file into the same table.

10,000 plates are suppressed, and one read in a thousand has such a plate; 1,000 holds stand with a partition each.
Every contender's rows are counted: a wrong number fails the bench. READS=, SLOW_READS=, RUNS= change the size.
"""

import os
import statistics
from collections.abc import Callable

from bench.broker import bench_broker
from bench.machine import describe_machine
from bench.report import Figures, exit_code, print_result, print_table, say, step
from bench.storage.contenders import ClickHouseAlone, Contender, FastavroInsert, OurSink
from bench.storage.ground import Ground, prepare_ground
from bench.storage.measuring import Measured

_READS = 6_000_000
_SLOW_READS = 100_000
_RUNS = 2


def main() -> None:
    reads = int(os.environ.get("READS", _READS))
    slow_reads = min(reads, int(os.environ.get("SLOW_READS", _SLOW_READS)))
    machine = describe_machine()
    say(f"{machine}; {reads:,} reads")
    with exit_code(), bench_broker(read_partitions=4) as broker:
        with step("filling plate-reads, the Avro file and the store"):
            ground = prepare_ground(broker, reads)
        with ground.store_open():
            found = _measure(ground, int(os.environ.get("RUNS", _RUNS)), slow_reads)
    _report(found, machine)


def _measure(ground: Ground, runs: int, slow_reads: int) -> dict[str, list[Measured]]:
    """The contenders take turns, so that what else the machine does meets all of them."""
    contenders: dict[str, Callable[[], Contender]] = {
        "platestream": lambda: OurSink(ground),
        "ClickHouse alone, from a file": lambda: ClickHouseAlone(ground),
    }
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for run in range(runs):
        for name, new in contenders.items():
            with step(f"{name}, run {run + 1}"):
                found[name].append(new().run())
    with step("fastavro and insert"):
        found["fastavro and insert"] = [FastavroInsert(ground, slow_reads).run()]
    return found


def _report(found: dict[str, list[Measured]], machine: str) -> None:
    rates = {name: statistics.median(one.reads_per_second for one in measured) for name, measured in found.items()}
    rows = [
        (
            name,
            f"{rates[name]:,.0f}",
            "-".join(f"{end(one.reads_per_second for one in measured):,.0f}" for end in (min, max)),
            f"{statistics.median(one.cpu_seconds_per_million for one in measured):.1f}",
            f"{max(one.parts for one in measured)}",
            f"{max(one.resident_bytes for one in measured) / 1e6:,.0f}",
        )
        for name, measured in found.items()
    ]
    head = ("", "reads/s", "least-most", "CPU s/M", "parts left", "MB resident")
    print_table("sink", Figures(title=f"Into reads over 60 days ({machine})", head=head, rows=rows))
    print_result(
        {
            "bench": "sink",
            "rows_per_second": round(rates["platestream"]),
            "ratio_clickhouse_limit": round(rates["platestream"] / rates["ClickHouse alone, from a file"], 3),
            "clickhouse_rows_per_second": round(rates["ClickHouse alone, from a file"]),
            "fastavro_rows_per_second": round(rates["fastavro and insert"]),
        }
    )


if __name__ == "__main__":
    main()
