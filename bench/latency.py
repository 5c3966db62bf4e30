"""`make bench-latency`: read to alert at several rates, our worker and Kafka Streams in turns.

ENTRIES, RATES (reads a second, comma separated), DURATION (seconds at each rate), RUNS (of each contender) and PEERS
(all or none) shrink it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.broker import BenchBroker, bench_broker
from bench.contenders import OURS, Contender, Running, running
from bench.groups import begin_at_end
from bench.kafka_streams import NO_JDK, StreamsVariant, has_jdk, streams_contenders
from bench.machine import Stolen, describe_machine
from bench.meter import AlertMeter, alert_meter
from bench.offered import READS_PER_HIT, WARM_UP_SECONDS, Latency, Offer, latency_of
from bench.report import Figures, exit_code, print_result, print_table, say, spread, step
from bench.templates import EntryTemplates, ReadTemplates
from bench.topics import empty_alerts, fill_entries

_RESULT_RATE = 10_000
_START_SECONDS = 400
_PATIENCE_SECONDS = 60
_FIRST_SECONDS = 45.0  # broker and peer are JVMs: they compile their code in the first minute, and all waits for it
_PERCENTILES = ("p50_ms", "p99_ms", "p999_ms", "max_ms")
_STREAMS = StreamsVariant(store="memory", linger_ms=0)  # nothing of the peer's makes its alerts wait


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is offered. `peers`: all or none."""

    entries: int
    rates: tuple[int, ...]
    seconds: float
    runs: int
    peers: str

    @property
    def hits(self) -> int:
        """Hits enough for all rates and their warm-ups."""
        wanted = sum(self.rates) * (self.seconds + WARM_UP_SECONDS + 1) + _RESULT_RATE * (_FIRST_SECONDS + 1)
        return 100 + int(wanted) // READS_PER_HIT


def load_of_environment() -> Load:
    """ENTRIES, RATES, DURATION, RUNS, PEERS."""
    return Load(
        entries=int(os.environ.get("ENTRIES", "10000000")),
        rates=tuple(int(rate) for rate in os.environ.get("RATES", "1000,10000,50000").split(",")),
        seconds=float(os.environ.get("DURATION", "60")),
        runs=int(os.environ.get("RUNS", "2")),
        peers=os.environ.get("PEERS", "all"),
    )


def measure(contender: Contender, broker: BenchBroker, group: str, load: Load) -> dict[int, Latency]:
    """Figures of one contender at each rate, in one run of it."""
    templates = ReadTemplates(broker.codec, datetime.now(UTC))
    begin_at_end(broker.kafka, group)
    empty_alerts(broker.kafka)
    with alert_meter(broker.kafka) as meter, running(contender, broker, group) as process:
        offer = Offer(broker.kafka, templates, entries=load.entries, hits=load.hits)
        offer.send_hit()
        meter.wait_for(1, _START_SECONDS, process.check)
        offer.send(_RESULT_RATE, _FIRST_SECONDS)
        meter.wait_for(len(offer.sent_at), _PATIENCE_SECONDS, process.check)
        return {rate: _at_rate(rate, offer, meter, process, load.seconds) for rate in load.rates}


def _at_rate(rate: int, offer: Offer, meter: AlertMeter, process: Running, seconds: float) -> Latency:
    offer.send(rate, WARM_UP_SECONDS)
    meter.wait_for(len(offer.sent_at), _PATIENCE_SECONDS, process.check)
    first, stolen = len(meter), Stolen()
    reached = offer.send(rate, seconds)
    meter.wait_for(len(offer.sent_at), _PATIENCE_SECONDS, process.check)
    return latency_of(offer, meter, reached, first, stolen.share())


def take_turns(load: Load, broker: BenchBroker) -> list[tuple[str, list[dict[int, Latency]]]]:
    """The runs of each contender, by its name. Nobody has two in a row, so what the machine does meanwhile hits all."""
    found = [(contender, list[dict[int, Latency]]()) for contender in line_up(load, broker)]
    for run in range(load.runs):
        for number, (contender, runs) in enumerate(found):
            with step(f"{contender.name}, run {run + 1} of {load.runs}"):
                runs.append(measure(contender, broker, f"bench-{number}-{run}", load))
            for row in rows_of("", runs[-1:]):
                say("  ".join(row[1:]))
    return [(contender.name, runs) for contender, runs in found]


def rows_of(name: str, runs: Sequence[dict[int, Latency]]) -> list[list[str]]:
    """The table's rows of one contender."""
    rows = []
    for rate in runs[0]:
        at_rate = [run[rate] for run in runs]
        reached, alerts = median(found.rate for found in at_rate), sum(found.alerts for found in at_rate)
        times = [spread(getattr(found, share) for found in at_rate) for share in _PERCENTILES]
        times.append(spread(100 * found.stolen_share for found in at_rate))
        rows.append([name, f"{rate:,}", f"{reached:,.0f}", f"{alerts:,}", *times])
    return rows


def result_of(rate: int, ours: Sequence[dict[int, Latency]], streams: Sequence[dict[int, Latency]]) -> dict[str, Any]:
    """The JSON object of one rate: medians of the runs."""
    result: dict[str, Any] = {"bench": "latency", "rate": rate}
    for prefix, runs in (("", ours), ("kafka_streams_", streams)):
        for share in ("p99_ms", "p999_ms"):
            times = [getattr(run[rate], share) for run in runs]
            result[prefix + share] = round(median(times), 1) if times else None
    return result


def line_up(load: Load, broker: BenchBroker) -> list[Contender]:
    """Ours, and Kafka Streams where it can be compiled."""
    if load.peers == "none":
        return [OURS]
    if not has_jdk():
        say(NO_JDK)
        return [OURS]
    return [OURS, *streams_contenders(broker.folder, [_STREAMS])]


def main() -> None:
    load, machine = load_of_environment(), describe_machine()
    with exit_code(), bench_broker() as broker:
        say(machine)
        with step(f"{load.entries:,} entries onto the topic"):
            fill_entries(broker.kafka, EntryTemplates(broker.codec, datetime.now(UTC)), range(load.entries))
        found = take_turns(load, broker)
        head = ("", "reads/s wanted", "reached", "alerts", "p50 ms", "p99", "p99.9", "max", "stolen %")
        rows = [row for name, runs in found for row in rows_of(name, runs)]
        title = f"{load.entries:,} entries, 1 % hits, {load.runs} runs of {load.seconds:.0f} s at each rate ({machine})"
        print_table("latency", Figures(title=title, head=head, rows=rows))
        rate = _RESULT_RATE if _RESULT_RATE in load.rates else load.rates[0]
        print_result(result_of(rate, found[0][1], found[1][1] if len(found) > 1 else []))


if __name__ == "__main__":
    main()
