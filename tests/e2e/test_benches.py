"""Each bench in small, with every contender this machine can run: it ends well and its last line is its result."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.kafka_streams import has_jdk

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif("PLATESTREAM_SOAK" not in os.environ, reason="each bench takes a minute; make soak runs them"),
    pytest.mark.timeout(900),
]


def run(bench: str, **sizes: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{bench}"],
        cwd=ROOT,
        env={**os.environ, **sizes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["bench"] == bench.replace("_", "-")
    return result


def test_join() -> None:
    result = run("join", ENTRIES="1000", READS="20000", RUNS="1")
    assert result["reads_per_second"] > 0
    assert {"confluent-kafka loop", "stock Faust"} <= result["peers"].keys()
    assert (result["ratio_kafka_streams"] is not None) == has_jdk()


def test_latency() -> None:
    result = run("latency", ENTRIES="5000", RATES="500", DURATION="4", RUNS="1")
    assert result["rate"] == 500
    assert 0 < result["p99_ms"] <= result["p999_ms"]
    assert (result["kafka_streams_p99_ms"] is not None) == has_jdk()


def test_updates() -> None:
    result = run("updates", ENTRIES="1000", READS="400000")
    assert result["changes"] > 0
    assert 0 < result["update_max_ms"] and 0 <= result["removal_max_ms"]


def test_search() -> None:
    result = run("search", ROWS="200000", SEARCHES="60")
    assert result["rows"] == 200_000
    assert 0 < result["plate_p50_ms"] <= result["plate_p99_ms"]
    assert result["ledger_p50_ms"] > 0


def test_growth(tmp_path: Path) -> None:
    plot = tmp_path / "growth.svg"
    result = run("growth", STEPS="500,1000", READS="20000", RUNS="2", PLOT=str(plot))
    assert [(row["entries"], row["workers"]) for row in result["rows"]] == [(500, 1), (500, 2), (1000, 1), (1000, 2)]
    assert all(len(row["rates"]) == 2 for row in result["rows"])
    assert plot.read_text().startswith("<?xml")


def test_sink() -> None:
    result = run("sink", READS="20000", SLOW_READS="2000", RUNS="1")
    assert result["rows_per_second"] > 0
    assert result["ratio_clickhouse_limit"] == pytest.approx(
        result["rows_per_second"] / result["clickhouse_rows_per_second"], abs=0.001
    )


def test_storage_growth(tmp_path: Path) -> None:
    plot = tmp_path / "storage.svg"
    result = run("storage_growth", STEPS="20000,60000", INSERTED="5000", SEARCHES="10", PLOT=str(plot))
    assert [row["reads"] for row in result["rows"]] == [20_000, 60_000]
    assert all(row["search_p50_ms"] <= row["search_p95_ms"] for row in result["rows"])
    assert plot.read_text().startswith("<?xml")
