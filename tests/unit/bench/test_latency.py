"""Of several runs the median counts, and the least and the most are said beside it."""

from bench.latency import result_of, rows_of
from bench.offered import Latency


def run(p99_ms: float) -> dict[int, Latency]:
    found = Latency(
        rate=99.0, alerts=20, p50_ms=1.0, p99_ms=p99_ms, p999_ms=2 * p99_ms, max_ms=50.0, stolen_share=0.002
    )
    return {100: found}


def test_a_row_has_the_median_of_the_runs_between_the_least_and_the_most() -> None:
    [row] = rows_of("ours", [run(30.0), run(10.0), run(20.0)])
    assert row[:4] == ["ours", "100", "99", "60"]
    assert row[4:] == ["1.0 (1.0-1.0)", "20.0 (10.0-30.0)", "40.0 (20.0-60.0)", "50.0 (50.0-50.0)", "0.2 (0.2-0.2)"]


def test_the_result_is_of_medians_and_names_a_peer_that_did_not_run() -> None:
    result = result_of(100, [run(10.0), run(20.0)], [])
    assert result == {
        "bench": "latency",
        "rate": 100,
        "p99_ms": 15.0,
        "p999_ms": 30.0,
        "kafka_streams_p99_ms": None,
        "kafka_streams_p999_ms": None,
    }
    assert result_of(100, [run(10.0)], [run(8.0), run(9.0)])["kafka_streams_p99_ms"] == 8.5
