"""Secrets as files: written once, readable by their owner alone, refused when others could read them."""

import os
import stat
import tempfile
from pathlib import Path

from platestream.durable_files import make_folder, sync_folder
from platestream.errors import ConfigError


def write_secret(file: Path, content: bytes) -> bool:
    """Write a new secret with mode 0600, whole or not at all. False when the file is already there: it is kept.

    When this returns True, file and name are on disk. Raises ConfigError when the folder cannot be written.
    """
    try:
        make_folder(file.parent)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as fresh:  # mode 0600 from the start
            fresh.write(content)
            fresh.flush()
            os.fsync(fresh.fileno())
            os.link(fresh.name, file)
            sync_folder(file.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(f"The secret file {file} cannot be written: {error.strerror}.") from None
    return True


def read_secret(file: Path) -> bytes:
    """Raises ConfigError when the file is missing, or when others than its owner may open it."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise ConfigError(f"The secret file {file} is open to others; run `chmod 600` on it.")
            return opened.read()
    except OSError as error:
        raise ConfigError(f"The secret file {file} cannot be read: {error.strerror}.") from None
