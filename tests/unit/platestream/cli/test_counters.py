"""Counters of `platestream run` from the text that the processes really show."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from platestream import metrics
from platestream.cli.running.counters import STAGES, quantile, read_counters


def test_every_stage_names_a_metric_that_exists() -> None:
    names = {metric._name for metric in vars(metrics).values() if isinstance(metric, Counter | Histogram)}
    for metric in STAGES.values():
        assert metric.split("{", maxsplit=1)[0].removesuffix("_total") in names


def test_counts_of_several_processes_add_up_and_still_stages_are_named() -> None:
    registry = CollectorRegistry()
    Counter("platestream_collector_reads_total", "", registry=registry).inc(3)
    Counter("platestream_collector_published_total", "", ["topic"], registry=registry).labels("plate-reads").inc(2)
    page = generate_latest(registry).decode()
    counters = read_counters([page, page, ""])
    assert counters.counts["heard"] == 6
    assert counters.counts["published"] == 4
    assert counters.standing_still() == ["matched", "alerts", "stored", "pictures", "queries logged"]
    assert counters.p99_read_to_alert_seconds is None


def test_a_run_that_only_sees_cars_again_moved() -> None:
    registry = CollectorRegistry()
    Counter("platestream_processor_sightings_total", "", registry=registry).inc()
    assert "alerts" not in read_counters([generate_latest(registry).decode()]).standing_still()


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ({}, None),
        ({0.1: 0, 1.0: 0, float("inf"): 0}, None),
        ({0.1: 100, 1.0: 100, float("inf"): 100}, 0.099),
        ({0.1: 98, 1.0: 100, float("inf"): 100}, 0.55),
        ({0.1: 0, 1.0: 0, float("inf"): 5}, 1.0),
    ],
)
def test_quantile(buckets: dict[float, float], expected: float | None) -> None:
    assert quantile(buckets, 0.99) == (None if expected is None else pytest.approx(expected))
