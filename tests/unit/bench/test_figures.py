"""Figures that the benches print are computed as their names say."""

import pytest

from bench.join import Size, filling_of, result_of
from bench.percentiles import percentile
from bench.runs import Run, SegmentRun


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.999, 100), (0.001, 1), (1.0, 100), (0.0, 1)])
def test_percentiles_of_one_to_a_hundred(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_a_percentile_of_nothing_is_no_figure() -> None:
    with pytest.raises(ValueError, match="No values"):
        percentile([], 0.5)


def a_run(name: str, reads_per_second: float) -> Run:
    segment = SegmentRun(name="join", reads_per_second=reads_per_second, cpu_seconds_per_million=1.0)
    return Run(name=name, ready_seconds=1.0, rss_bytes=1, segments=(segment,))


def test_the_ratio_is_to_the_best_tuned_kafka_streams() -> None:
    runs = [
        a_run("platestream", 900_000),
        a_run("confluent-kafka loop", 800_000),
        a_run("Kafka Streams, memory, tuned", 150_000),
        a_run("Kafka Streams, rocksdb, tuned", 200_000),
        a_run("Kafka Streams, rocksdb, defaults", 999_999),
        a_run("platestream", 1_100_000),
    ]
    result = result_of(runs, a_run("partial", 1.0))
    assert result["reads_per_second"] == 1_000_000
    assert result["ratio_kafka_streams"] == 5.0
    assert result["peers"]["confluent-kafka loop"] == 800_000


def test_without_a_jdk_there_is_no_ratio() -> None:
    assert result_of([a_run("platestream", 1.0)], a_run("partial", 1.0))["ratio_kafka_streams"] is None


def test_every_hit_of_a_filling_has_a_plate_of_its_own() -> None:
    filling = filling_of(Size(entries=1000, reads=20_000, runs=1, peers="none"))
    plates = filling.hit_plates()
    assert len(set(plates)) == len(plates) == sum(segment.reads for segment in filling.segments) // 500
