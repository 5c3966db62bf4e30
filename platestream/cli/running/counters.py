"""Live counters of `platestream run`, read from each process's /metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from platestream.settings import Settings

STAGES: Mapping[str, str] = {
    "heard": "platestream_collector_reads_total",
    "published": 'platestream_collector_published_total{topic="plate-reads"}',
    "matched": "platestream_processor_reads_total",
    "alerts": "platestream_processor_alerts_total",
    "sightings": "platestream_processor_sightings_total",
    "stored": "platestream_storage_reads_total",
    "pictures": "platestream_storage_pictures_total",
    "queries logged": 'platestream_ledger_events_total{kind="search-answered"}',
}
_LATENCY = "platestream_processor_read_to_alert_seconds"


@dataclass(frozen=True)
class Counters:
    """One look at all processes. `p99_read_to_alert_seconds` is None before the first alert."""

    counts: Mapping[str, int]
    p99_read_to_alert_seconds: float | None

    def line(self) -> str:
        counts = "  ".join(f"{stage} {count}" for stage, count in self.counts.items())
        return f"{counts}  p99 read to alert {self.latency()}"

    def latency(self) -> str:
        seconds = self.p99_read_to_alert_seconds
        return "-" if seconds is None else f"{seconds * 1000:.0f} ms"

    def has_arrived(self) -> bool:
        """Every read that was heard is matched and stored."""
        return min(self.counts["matched"], self.counts["stored"]) >= self.counts["heard"]

    def standing_still(self) -> list[str]:
        """Stages nothing came through. A run soon after another may only see cars again, which are no new alerts."""
        moved = dict(self.counts)
        if moved.pop("sightings", 0):
            moved.pop("alerts")
        return [stage for stage, count in moved.items() if count == 0]


def look(settings: Settings) -> Counters:
    """Scrape every role. A role that does not answer counts as zeros."""
    ports = (settings.collector.probe_port, settings.processor.probe_port, settings.storage.probe_port)
    return read_counters(_scrape(port) for port in ports)


def read_counters(pages: Iterable[str]) -> Counters:
    """Counters from the text of /metrics pages."""
    values: dict[str, float] = {}
    buckets: dict[float, float] = {}
    for page in pages:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name == f"{_LATENCY}_bucket":
                    at = float(sample.labels["le"])
                    buckets[at] = buckets.get(at, 0) + sample.value
                else:
                    name = _with_labels(sample.name, sample.labels)
                    values[name] = values.get(name, 0) + sample.value
    counts = {stage: int(values.get(metric, 0)) for stage, metric in STAGES.items()}
    return Counters(counts, quantile(buckets, 0.99))


def quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """The quantile of a Prometheus histogram (bound -> cumulative count), linear within a bucket; None when empty.

    A value in the last, open bucket is given as the highest bound.
    """
    total = buckets.get(float("inf"), 0)
    if not total:
        return None
    rank, low, below = q * total, 0.0, 0.0
    for bound in sorted(buckets):
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (rank - below) / (buckets[bound] - below)
        low, below = bound, buckets[bound]
    return low


def _with_labels(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def _scrape(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=2).text
    except httpx.HTTPError:
        return ""
