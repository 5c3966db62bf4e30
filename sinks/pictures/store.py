"""Pictures as files at <day>/<read id>/<KIND>.jpg, the day being that of collection in UTC: a day is destroyed whole.

A folder by default, any fsspec address in production. A picture is there whole or not at all: in a folder it is
written beside its place, brought to disk and renamed; a put to an object store is atomic by itself.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import fsspec
from fsspec.implementations.local import LocalFileSystem

from platestream.errors import ConfigError
from platestream.settings import Settings
from schemas.messages import PictureKind


def day_of(collected_at: datetime) -> date:
    """The day under which pictures of that time are kept."""
    return collected_at.astimezone(UTC).date()


class PictureStore:
    """The store that the settings name. Raises ConfigError when its address cannot be used."""

    def __init__(self, settings: Settings) -> None:
        url = settings.storage.pictures_url or str((settings.home / "pictures").resolve())
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"storage.pictures_url cannot be used: {error}") from None

    def write(self, day: date, read_id: UUID, kind: PictureKind, content: bytes) -> None:
        """Keep a picture; when this returns, it is on disk. Writing it again changes nothing. Raises OSError."""
        path = self._path(day, read_id, kind)
        if isinstance(self._files, LocalFileSystem):
            _write_durably(Path(path), content)
            return
        try:
            self._files.pipe_file(path, content)
        except Exception as error:  # object stores raise whatever their client libraries raise
            raise OSError(f"a put failed ({type(error).__name__})") from None

    def read(self, day: date, read_id: UUID, kind: PictureKind) -> bytes:
        """The picture's bytes. Raises FileNotFoundError when there is none."""
        content: bytes = self._files.cat_file(self._path(day, read_id, kind))
        return content

    def _path(self, day: date, read_id: UUID, kind: PictureKind) -> str:
        return f"{self._root}/{day.isoformat()}/{read_id}/{kind.value}.jpg"


def _write_durably(path: Path, content: bytes) -> None:
    """The folder is brought to disk as well, and those that were made for it: else a power cut could take the name."""
    _make_folder(path.parent)
    fresh = path.with_suffix(".new")
    with open(fresh, "wb", opener=_for_owner_only) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
