"""A sink killed with -9 at random moments, started again each time: every read is there, and found once."""

import json
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from schemas.versions import versions
from sinks.clickhouse.reads import count_reads, find_reads
from sinks.clickhouse.store import Store
from tests.integration.sinks.conftest import SECONDS, Bench, wait_until
from tests.storing import NOW, a_read, of_plate

ROOT = Path(__file__).parents[3]
PROCESS = Path(__file__).with_name("read_sink_process.py")
READS = 10_000
KILLS = 3


def start(bench: Bench) -> subprocess.Popen[bytes]:
    ids = {record: {v.number: bench.codec.wire_id(record) for v in all_} for record, all_ in versions().items()}
    arguments = [str(bench.home), bench.kafka.bootstrap_servers, bench.topic, bench.dead_letter_topic, json.dumps(ids)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(PROCESS), *arguments], cwd=ROOT, env=environment)


def has_committed(bench: Bench, reads: float) -> bool:
    return bench.committed() > reads


def test_killed_at_random_and_started_again_every_read_is_found_once(bench: Bench) -> None:
    chance = random.Random()
    reads = [a_read(n, collected_at=NOW - timedelta(days=n % 5, seconds=n)) for n in range(READS)]
    bench.produce([bench.codec.encode(read) for read in reads])
    for kill in range(KILLS):
        process = start(bench)
        reached = READS * (kill + chance.random()) / (KILLS + 1)
        wait_until(partial(has_committed, bench, reached), f"committing {reached:.0f} reads")
        process.kill()
        assert process.wait(SECONDS) == -signal.SIGKILL
    process = start(bench)
    wait_until(lambda: bench.committed() == READS, "committing all")
    process.terminate()
    assert process.wait(SECONDS) == 0

    store = Store(bench.settings)
    found = find_reads(store.client(), of_plate("ABC123", NOW - timedelta(days=59), NOW + timedelta(days=1), 2 * READS))
    assert len(found) == count_reads(store.client()) == READS
    assert {stored.read_id for stored in found} == {read.read_id for read in reads}
    assert bench.dead_letters() == []
    assert list((bench.home / "clickhouse-incoming").iterdir()) == []
    store.close()
