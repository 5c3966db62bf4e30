"""Which processes an earlier run left behind: each child is on disk as pid and start time, and is never sought by name.

A record is written before its child runs anything and removed once the child is gone, so whatever ended the parent,
the next start finds what still lives.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from platestream.errors import ConfigError

_GRACE_SECONDS = 15.0
_SAME_START_SECONDS = 1.0  # a corrected wall clock moves all start times by a little


def write_record(run_folder: Path, name: str, pid: int) -> None:
    """Put a living process on record."""
    run_folder.mkdir(parents=True, exist_ok=True)
    record = {"pid": pid, "started_at_seconds": psutil.Process(pid).create_time()}
    fresh = _file(run_folder, name).with_suffix(".new")
    fresh.write_text(json.dumps(record))
    os.replace(fresh, _file(run_folder, name))


def remove_record(run_folder: Path, name: str) -> None:
    """Forget a process that is gone."""
    _file(run_folder, name).unlink(missing_ok=True)


def end_recorded(run_folder: Path, names: Iterable[str] | None = None) -> list[str]:
    """End recorded processes (all, or those named) that still live and forget them; the names of those ended.

    The caller holds the home folder, so nobody else needs them.

    Raises ConfigError when a process belongs to someone else.
    """
    names = sorted(file.stem for file in run_folder.glob("*.json")) if names is None else list(names)
    living = {name: process for name in names if (process := find_recorded(run_folder, name))}
    for name, process in living.items():
        _signal(process.terminate, name, process.pid)
    for name, process in living.items():
        if not wait_until_gone(process, _GRACE_SECONDS):
            _signal(process.kill, name, process.pid)
            wait_until_gone(process, _GRACE_SECONDS)
    for name in names:
        remove_record(run_folder, name)
    return list(living)


def find_recorded(run_folder: Path, name: str) -> psutil.Process | None:
    """The recorded process if it is alive: same pid and same start time, so a pid given out again is not mistaken."""
    try:
        record = json.loads(_file(run_folder, name).read_text())
        process = psutil.Process(int(record["pid"]))
        is_same = abs(process.create_time() - float(record["started_at_seconds"])) < _SAME_START_SECONDS
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None
    return process if is_same and not is_gone(process) else None


def is_gone(process: psutil.Process) -> bool:
    """True when nothing of it runs any more; a zombie that nobody collects counts as gone."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    """False when it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_gone(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(send: Callable[[], None], name: str, pid: int) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        sentence = f"Process {pid} ({name}) of an earlier run belongs to someone else; have them end it."
        raise ConfigError(sentence) from None


def _file(run_folder: Path, name: str) -> Path:
    return run_folder / f"{name}.json"
