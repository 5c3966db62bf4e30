"""One run of one contender over the filled reads: how fast, with how much CPU, and whether its alerts are right."""

import time
from dataclasses import dataclass

from bench.broker import BenchBroker
from bench.contenders import Contender, Running, running
from bench.errors import BenchError
from bench.meter import AlertMeter, alert_meter
from bench.topics import Filling, empty_alerts

_START_SECONDS = 400
_LEAST_READS_PER_SECOND = 1000
_SILENCE_SECONDS = 1.5


@dataclass(frozen=True, kw_only=True)
class SegmentRun:
    """Figures of one segment, between the arrivals of the last alert before it and its own last alert."""

    name: str
    reads_per_second: float
    cpu_seconds_per_million: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """Figures of one contender. `ready_seconds`: from its start to its first alert, so with the list loaded."""

    name: str
    ready_seconds: float
    rss_bytes: int
    segments: tuple[SegmentRun, ...]


def run_join(contender: Contender, broker: BenchBroker, group: str, filling: Filling, expected: list[bytes]) -> Run:
    """Let a contender match its share of the reads and measure it. `expected` are the plates of all alerts, in order.

    Raises BenchError when it ends, is far too slow, or raises other alerts than those.
    """
    empty_alerts(broker.kafka)
    with alert_meter(broker.kafka) as meter, running(contender, broker, group) as process:
        ready_at = meter.wait_for(1, _START_SECONDS, process.check)
        segments = _measure(contender.share, meter, process, filling)
        run = Run(
            name=contender.name,
            ready_seconds=ready_at - process.started_at,
            rss_bytes=process.rss_bytes(),
            segments=segments,
        )
        _check_alerts(meter, expected, contender)
    return run


def _measure(share: float, meter: AlertMeter, process: Running, filling: Filling) -> tuple[SegmentRun, ...]:
    segments = filling.segments if share == 1 else filling.segments[:1]
    seen, before, cpu_before = 1, meter.arrivals[0], process.cpu_seconds()
    measured = []
    last = 0
    for segment in segments:
        last += max(int(filling.hits(segment) * share), 2)
        reads = (last - seen) * filling.reads_per_hit
        arrived = meter.wait_for(last, reads / _LEAST_READS_PER_SECOND + 60, process.check)
        cpu = process.cpu_seconds()
        measured.append(
            SegmentRun(
                name=segment.name,
                reads_per_second=reads / (arrived - before),
                cpu_seconds_per_million=(cpu - cpu_before) / reads * 1e6,
            )
        )
        seen, before, cpu_before = last, arrived, cpu
    return tuple(measured)


def _check_alerts(meter: AlertMeter, expected: list[bytes], contender: Contender) -> None:
    """A whole run raises exactly the expected alerts; a shorter one a beginning of them."""
    if contender.share == 1:
        time.sleep(_SILENCE_SECONDS)  # one too many would come in this time
        if len(meter) != len(expected):
            raise BenchError(f"{contender.name} raised {len(meter)} alerts instead of {len(expected)}.")
    plates = meter.plates()
    if sorted(plates) != sorted(expected[: len(plates)]):
        raise BenchError(f"{contender.name} raised the right number of alerts, but not for the right reads.")
