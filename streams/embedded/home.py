"""One home folder has one owner: two runs on the same data are refused before anything is touched.

The lock is the operating system's, so it is free again however its owner ended.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platestream.errors import ConfigError

_MIN_FREE_BYTES = 1024**3


def run_folder(home: Path) -> Path:
    """Where the lock and the records of children are."""
    return home / "run"


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Own `home` for the time of the block; made with access for its owner alone when it is not there.

    Raises ConfigError when another process owns it (with its pid), it cannot be written, or its disk is almost full.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        run_folder(home).mkdir(exist_ok=True)
        descriptor = os.open(run_folder(home) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        sentence = f"The folder {home} cannot be used ({error.strerror}); repair it or set PLATESTREAM_HOME to another."
        raise ConfigError(sentence) from None
    try:
        _lock(descriptor, home)
        check_free_space(home, _MIN_FREE_BYTES, "set PLATESTREAM_HOME to another disk")
        yield
    finally:
        os.close(descriptor)


def check_free_space(folder: Path, least_bytes: int, else_do: str) -> None:
    """Raises ConfigError when the disk of `folder` has less than `least_bytes` free."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < least_bytes:
        have, need = free_bytes // 1024**2, least_bytes // 1024**2
        raise ConfigError(f"The disk of {folder} has {have} MiB free, {need} are needed; make room or {else_do}.")


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        sentence = f"The folder {home} is in use by process {owner}; end it, or set PLATESTREAM_HOME to another folder."
        raise ConfigError(sentence) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
