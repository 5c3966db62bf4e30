"""`make bench-latency`: read to alert at several rates, our worker beside Kafka Streams.

ENTRIES, RATES (reads a second, comma separated), DURATION (seconds at each rate) and PEERS (all or none) shrink it.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench.broker import BenchBroker, bench_broker
from bench.contenders import OURS, Contender, Running, running
from bench.groups import begin_at_end
from bench.kafka_streams import NO_JDK, StreamsVariant, has_jdk, streams_contenders
from bench.machine import describe_machine
from bench.meter import AlertMeter, alert_meter
from bench.offered import READS_PER_HIT, WARM_UP_SECONDS, Latency, Offer, latency_of
from bench.report import Figures, exit_code, print_result, print_table, say, step
from bench.templates import EntryTemplates, ReadTemplates
from bench.topics import empty_alerts, fill_entries

_RESULT_RATE = 10_000
_START_SECONDS = 400
_PATIENCE_SECONDS = 60
_FIRST_SECONDS = 45.0  # broker and peer are JVMs: they compile their code in the first minute, and all waits for it
_STREAMS = StreamsVariant(store="memory", linger_ms=0)  # nothing of the peer's makes its alerts wait


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is offered. `peers`: all or none."""

    entries: int
    rates: tuple[int, ...]
    seconds: float
    peers: str

    @property
    def hits(self) -> int:
        """Hits enough for all rates and their warm-ups."""
        wanted = sum(self.rates) * (self.seconds + WARM_UP_SECONDS + 1) + _RESULT_RATE * (_FIRST_SECONDS + 1)
        return 100 + int(wanted) // READS_PER_HIT


def load_of_environment() -> Load:
    """ENTRIES, RATES, DURATION, PEERS."""
    return Load(
        entries=int(os.environ.get("ENTRIES", "10000000")),
        rates=tuple(int(rate) for rate in os.environ.get("RATES", "1000,10000,50000").split(",")),
        seconds=float(os.environ.get("DURATION", "20")),
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
    first = len(meter)
    reached = offer.send(rate, seconds)
    meter.wait_for(len(offer.sent_at), _PATIENCE_SECONDS, process.check)
    return latency_of(offer, meter, reached, first)


def rows_of(name: str, latencies: dict[int, Latency]) -> list[list[str]]:
    """The table's rows of one contender."""
    return [
        [
            name,
            f"{rate:,}",
            f"{found.rate:,.0f}",
            f"{found.alerts:,}",
            *(f"{ms:.1f}" for ms in (found.p50_ms, found.p99_ms, found.p999_ms, found.max_ms)),
        ]
        for rate, found in latencies.items()
    ]


def result_of(rate: int, ours: Latency, streams: Latency | None) -> dict[str, Any]:
    """The JSON object of one rate."""
    return {
        "bench": "latency",
        "rate": rate,
        "p99_ms": round(ours.p99_ms, 1),
        "p999_ms": round(ours.p999_ms, 1),
        "kafka_streams_p99_ms": round(streams.p99_ms, 1) if streams else None,
        "kafka_streams_p999_ms": round(streams.p999_ms, 1) if streams else None,
    }


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
        found = []
        for number, contender in enumerate(line_up(load, broker)):
            with step(contender.name):
                found.append((contender.name, measure(contender, broker, f"bench-{number}", load)))
        head = ("", "reads/s wanted", "reached", "alerts", "p50 ms", "p99", "p99.9", "max")
        rows = [row for name, latencies in found for row in rows_of(name, latencies)]
        title = f"{load.entries:,} entries, 1 % hits, {load.seconds:.0f} s at each rate ({machine})"
        print_table("latency", Figures(title=title, head=head, rows=rows))
        rate = _RESULT_RATE if _RESULT_RATE in load.rates else load.rates[0]
        print_result(result_of(rate, found[0][1][rate], found[1][1][rate] if len(found) > 1 else None))


if __name__ == "__main__":
    main()
