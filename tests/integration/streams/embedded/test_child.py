"""Real child processes: readiness, ends, and what is left of them when their parent is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from platestream.errors import ConfigError
from streams.embedded import child as child_module
from streams.embedded.child import Child, Program
from streams.embedded.recorded import end_recorded, find_recorded, is_gone, write_record

ROOT = Path(__file__).parents[4]
SLEEP = "import time; open('started', 'w').close(); time.sleep(300)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
PARENT = """
import sys, time
from pathlib import Path
from streams.embedded.child import Child, Program
folder = Path(sys.argv[1])
program = Program(name="orphan", argv=[sys.executable, "-c", sys.argv[2]], folder=folder, output=folder / "output")
child = Child(program, folder / "run")
child.start()
child.wait_ready((folder / "started").exists)
print(child.pid, flush=True)
time.sleep(300)
"""


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Starts Python code as a child in tmp_path; it ends with the test."""
    children: list[Child] = []

    def start_code(code: str) -> Child:
        argv = [sys.executable, "-c", code]
        child = Child(Program(name="code", argv=argv, folder=tmp_path, output=tmp_path / "output"), tmp_path / "run")
        children.append(child)
        child.start()
        return child

    yield start_code
    for child in children:
        child.kill()


def test_a_child_is_ready_when_it_answers_and_ends_when_asked(tmp_path: Path, start: Callable[[str], Child]) -> None:
    child = start(SLEEP)
    child.wait_ready((tmp_path / "started").exists)
    recorded = find_recorded(tmp_path / "run", "code")
    assert recorded and recorded.pid == child.pid
    assert child.stop()
    assert child.return_code == -signal.SIGTERM
    assert list((tmp_path / "run").iterdir()) == []


def test_ctrl_c_on_the_terminal_does_not_reach_it(start: Callable[[str], Child]) -> None:
    child = start(SLEEP)
    assert child.pid and os.getsid(child.pid) == child.pid != os.getsid(0)


def test_one_that_ends_while_starting_is_told_with_its_last_words(
    tmp_path: Path, start: Callable[[str], Child]
) -> None:
    (tmp_path / "output").write_text("ERROR of an earlier run\n")
    child = start("import sys; print('listening'); sys.exit('ERROR the address is taken')")
    with pytest.raises(ConfigError, match=r"code ended while starting: ERROR the address is taken \(see .*output\)"):
        child.wait_ready(lambda: False)
    assert find_recorded(tmp_path / "run", "code") is None


def test_one_that_does_not_answer_is_killed(tmp_path: Path, start: Callable[[str], Child]) -> None:
    child = start(DEAF)
    wait_for((tmp_path / "started").exists)
    with pytest.raises(ConfigError, match="did not answer in 0 s: it said nothing"):
        child.wait_ready(lambda: False, seconds=0.1)
    assert child.return_code == -signal.SIGKILL


def test_one_that_does_not_end_when_asked_is_killed(tmp_path: Path, start: Callable[[str], Child]) -> None:
    child = start(DEAF)
    child.wait_ready((tmp_path / "started").exists)
    assert not child.stop(grace_seconds=0.1)
    assert child.return_code == -signal.SIGKILL


def test_a_program_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    program = Program(name="none", argv=[str(tmp_path / "none")], folder=tmp_path, output=tmp_path / "output")
    child = Child(program, tmp_path / "run")
    child.start()
    with pytest.raises(ConfigError, match="none ended while starting: .*not found"):
        child.wait_ready(lambda: False)


def test_output_does_not_grow_without_end(tmp_path: Path, start: Callable[[str], Child]) -> None:
    (tmp_path / "output").write_bytes(b"x" * (child_module._MAX_OUTPUT_BYTES + 1))
    start(SLEEP)
    wait_for((tmp_path / "started").exists)
    assert (tmp_path / "output").stat().st_size == 0
    assert (tmp_path / "output.1").stat().st_size > child_module._MAX_OUTPUT_BYTES


@pytest.mark.parametrize("code", [SLEEP, DEAF])
def test_the_orphan_of_a_killed_parent_is_found_and_ended(
    tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.embedded.recorded._GRACE_SECONDS", 1.0)
    argv = [sys.executable, "-c", PARENT, str(tmp_path), code]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        assert parent.stdout
        orphan = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert not is_gone(orphan)
    assert end_recorded(tmp_path / "run") == ["orphan"]
    assert is_gone(orphan)
    assert end_recorded(tmp_path / "run") == []


def test_a_child_whose_parent_dies_before_the_record_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(run_folder: Path, name: str, pid: int) -> None:
        raise OSError("as if the parent had died")

    monkeypatch.setattr(child_module, "write_record", die)
    argv = [sys.executable, "-c", SLEEP]
    child = Child(Program(name="code", argv=argv, folder=tmp_path, output=tmp_path / "output"), tmp_path / "run")
    with pytest.raises(ConfigError, match="as if the parent had died"):
        child.start()
    wait_for(lambda: not child.is_running())
    assert not (tmp_path / "started").exists()


def test_another_process_with_the_pid_of_a_record_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as stranger:
        write_record(tmp_path, "code", stranger.pid)
        file = tmp_path / "code.json"
        started_at = psutil.Process(stranger.pid).create_time()
        file.write_text(file.read_text().replace(str(started_at), str(started_at - 3600)))
        assert end_recorded(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{}", '{"pid": "x"}', "[]", '{"pid": 1}'])
def test_a_record_that_says_nothing_is_removed(tmp_path: Path, text: str) -> None:
    (tmp_path / "code.json").write_text(text)
    assert end_recorded(tmp_path) == []
    assert not (tmp_path / "code.json").exists()
