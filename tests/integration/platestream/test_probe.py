"""Alive means that the loop turned, not that a thread answers."""

import time

import httpx
import pytest
from prometheus_client import REGISTRY

from platestream.errors import ConfigError
from platestream.metrics import READS_STORED
from platestream.probe import Probe

STALE_AFTER_SECONDS = 2.0  # a busy machine answers within it


def test_a_loop_that_stands_still_is_seen_and_metrics_go_on() -> None:
    probe = Probe(0, stale_after_seconds=STALE_AFTER_SECONDS)
    at = f"http://127.0.0.1:{probe.port}"
    try:
        probe.beat()
        assert httpx.get(f"{at}/livez").status_code == 200
        time.sleep(STALE_AFTER_SECONDS)
        assert httpx.get(f"{at}/livez").status_code == 503
        before = REGISTRY.get_sample_value("platestream_storage_reads_total") or 0
        READS_STORED.inc(7)
        assert f"platestream_storage_reads_total {before + 7}" in httpx.get(f"{at}/metrics").text
        probe.beat()
        assert httpx.get(f"{at}/livez").status_code == 200
        assert httpx.get(f"{at}/other").status_code == 404
    finally:
        probe.close()


def test_a_taken_port_is_a_sentence() -> None:
    probe = Probe(0)
    try:
        with pytest.raises(ConfigError, match="probe_port"):
            Probe(probe.port)
    finally:
        probe.close()
