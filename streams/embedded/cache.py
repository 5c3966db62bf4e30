"""The folder of what is fetched or made once for all clones of a user: jars, the unpacked registry, class archives.

It is `$XDG_CACHE_HOME/platestream`, by default `~/.cache/platestream` (macOS: `~/Library/Caches/platestream`). It can
be removed at any time, and copied to a machine without a network.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from platestream.errors import ConfigError


def cache_folder() -> Path:
    """The cache of this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    own = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return (Path(base) if base else own) / "platestream"


@contextmanager
def hold_cache(folder: Path) -> Iterator[Path]:
    """Write to the cache alone, waiting for whoever does so now; gives an empty folder for unfinished things.

    Raises ConfigError when the cache cannot be written.
    """
    unfinished = folder / "unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        sentence = f"The cache {folder} cannot be written ({error.strerror}); set XDG_CACHE_HOME to a folder that can."
        raise ConfigError(sentence) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        os.close(descriptor)


def sha256_of(file: Path) -> str | None:
    """The sha256 of a file in hex, None when it is not there."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def content_sha256_of(folder: Path) -> str | None:
    """One sha256 over the names and contents of all files below `folder`, None when it is not there."""
    if not folder.is_dir():
        return None
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with ThreadPoolExecutor() as pool:
        digests = pool.map(sha256_of, files)
        lines = [f"{digest} {file.relative_to(folder).as_posix()}" for file, digest in zip(files, digests, strict=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
