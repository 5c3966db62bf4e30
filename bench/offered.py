"""Offers reads at a steady rate and takes the time from producing a listed one to the arrival of its alert.

One process has both ends and so one clock.
"""

import time
from dataclasses import dataclass

from confluent_kafka import Producer

from bench.errors import BenchError
from bench.meter import AlertMeter
from bench.percentiles import percentile
from bench.plates import listed_plates, unlisted_plates
from bench.templates import ReadTemplates
from bench.topics import READS_TOPIC
from platestream.settings import KafkaSettings
from streams.clients import producer

READS_PER_HIT = 100  # 1 %
WARM_UP_SECONDS = 5.0
_PAUSE_SECONDS = 0.0005


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Read to alert, in milliseconds; `rate` in reads a second as reached, `stolen_share` as Stolen says."""

    rate: float
    alerts: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    stolen_share: float


class Offer:
    """Produces reads; each of `hits` listed plates is used once."""

    def __init__(self, kafka: KafkaSettings, templates: ReadTemplates, *, entries: int, hits: int) -> None:
        self._client: Producer = producer(kafka, **{"linger.ms": 1, "queue.buffering.max.messages": 1_000_000})
        self._templates = templates
        self._listed = iter(listed_plates(hits, entries))
        self._unlisted = unlisted_plates(entries)
        self._number = 0
        self.sent_at: dict[bytes, float] = {}

    def send_hit(self) -> None:
        """One read that raises an alert, at once."""
        self._produce(is_hit=True)
        self._client.flush(30)

    def send(self, rate: float, seconds: float) -> float:
        """Reads at `rate` a second for `seconds`, every hundredth a hit; the rate that was reached."""
        started, sent = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            due = int(elapsed * rate)
            for number in range(sent, due):
                self._produce(is_hit=number % READS_PER_HIT == 0)
            sent = due
            self._client.poll(0)
            time.sleep(_PAUSE_SECONDS)
        self._client.flush(30)
        return sent / elapsed

    def _produce(self, *, is_hit: bool) -> None:
        plate = next(self._listed if is_hit else self._unlisted)
        value = self._templates.read(self._number, plate)
        self._number += 1
        if is_hit:
            self.sent_at[plate] = time.perf_counter()
        self._client.produce(READS_TOPIC, value, plate, 0)


def latency_of(offer: Offer, meter: AlertMeter, reached: float, first: int, stolen_share: float) -> Latency:
    """Figures of the alerts from number `first` on. Raises BenchError when an alert is of no hit, or doubled."""
    plates = meter.plates()
    if len(set(plates)) != len(plates) or not set(plates) <= offer.sent_at.keys():
        raise BenchError("Alerts came twice, or for reads that are not listed.")
    times = [
        (arrived - offer.sent_at[plate]) * 1000
        for plate, arrived in zip(plates[first:], meter.arrivals[first:], strict=True)
    ]
    return Latency(
        rate=reached,
        alerts=len(times),
        p50_ms=percentile(times, 0.5),
        p99_ms=percentile(times, 0.99),
        p999_ms=percentile(times, 0.999),
        max_ms=max(times),
        stolen_share=stolen_share,
    )
