"""`platestream run` as a newcomer starts it: it shows what moves, ends cleanly, and says what stands still."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from platestream.settings import Settings, environment
from tests.pipeline import fresh_settings
from tests.stack import new_home


def run(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "platestream", "run", *arguments],
        env={**os.environ, **environment(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(home: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        about = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if any(str(home) in part for part in about) and process.pid != os.getpid():
            found.append(process.pid)
    return found


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return fresh_settings(new_home(tmp_path_factory))


def test_every_stage_moves_and_nothing_is_left_behind(settings: Settings) -> None:
    started = run(settings, "--for", "12", "--rate", "8", "--json")
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert summary["faults"] == []
    assert summary["stored"] >= summary["heard"] > 0
    assert summary["p99_read_to_alert_seconds"] < 60
    assert "a search to paste" in err
    assert left_behind(settings.home) == []


def started_run(settings: Settings) -> subprocess.Popen[str]:
    """One that has said that it is ready, and how to search."""
    started, said = run(settings), ""
    assert started.stderr is not None
    while "a search to paste" not in said:
        line = started.stderr.readline()
        assert line, said
        said += line
    assert "ready after" in said
    return started


def test_a_second_start_is_refused_and_a_killed_one_leaves_orphans_that_the_next_ends(settings: Settings) -> None:
    first = started_run(settings)
    second = run(settings)
    _, refusal = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"process {first.pid}" in refusal
    first.kill()
    first.communicate()
    orphans = left_behind(settings.home)
    assert orphans
    again = started_run(settings)
    assert not set(orphans) & set(left_behind(settings.home))
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)
    assert left_behind(settings.home) == []
