"""Files that are on disk when a function returns, name and content, so that a power cut takes neither."""

import os
from pathlib import Path
from secrets import token_hex


def write_durably(path: Path, content: bytes) -> None:
    """Write a file for its owner only, whole or not at all, in place of the one that is there. Raises OSError.

    It is written beside its place and renamed; a crash can leave `.NAME.TOKEN.new` behind.
    """
    make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        with open(fresh, "xb", opener=_for_owner_only) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only, and those above it that are missing. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def destroy_file(path: Path) -> None:
    """Overwrite a file's bytes with zeros, bring that to disk, and remove it. Raises OSError.

    A disk or file system that writes elsewhere instead of over (flash, snapshots) keeps the old bytes until it reuses
    their blocks.
    """
    with open(path, "r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
