"""Pictures as encrypted files at <day>/<read id>/<KIND>.sealed, those of a hold at held/<hold id>/<read id>/....

The day is that of collection in UTC. Day and hold are shelves: each has a key of its own and is destroyed whole, key
first. A folder by default, any fsspec address in production. A picture is there whole or not at all: in a folder it
is written beside its place, brought to disk and renamed; a put to an object store is atomic by itself. A key is on
disk before the first picture that needs it.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import fsspec
from fsspec.implementations.local import LocalFileSystem

from platestream.durable_files import sync_folder, write_durably
from platestream.errors import ConfigError, IntegrityError
from platestream.settings import Settings
from schemas.messages import PictureKind
from sinks.pictures.keys import PictureKeys, Shelf
from sinks.pictures.sealing import open_picture, seal_picture

_HELD = "held"
_MARK = "store.id"


def day_of(collected_at: datetime) -> date:
    """The day under which pictures of that time are kept."""
    return collected_at.astimezone(UTC).date()


class ShelfDestroyed(OSError):  # noqa: N818 - an OSError by kind, named for what it says
    """Nothing more is written to a shelf that was destroyed."""


@dataclass(frozen=True)
class ShelfCount:
    """How many files of pictures and of keys a shelf has."""

    pictures: int
    keys: int

    @property
    def is_empty(self) -> bool:
        return not self.pictures and not self.keys


class PictureStore:
    """The store that the settings name. Raises ConfigError when its address cannot be used.

    Its methods raise OSError when store or key folder fail: what could not be counted is unknown, not zero.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.storage.pictures_url or str((settings.home / "pictures").resolve())
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"storage.pictures_url cannot be used: {error}") from None
        self._is_folder = isinstance(self._files, LocalFileSystem)
        self._keys = PictureKeys(settings.path(settings.storage.picture_keys_folder).resolve())
        self._gate = _Gate()
        self._is_open = False

    def write(self, shelf: Shelf, read_id: UUID, kind: PictureKind, content: bytes) -> None:
        """Keep a picture; when this returns, it is on disk. Safe to repeat.

        Raises ShelfDestroyed when the shelf was destroyed by this process.
        """
        with self._gate.writing(shelf):
            if not self._is_open:
                self._open()
            sealed = seal_picture(self._keys.make(shelf), shelf, read_id, kind, content)
            self._put(f"{self._folder(shelf)}/{read_id}/{kind.value}.sealed", sealed)

    def read(self, shelf: Shelf, read_id: UUID, kind: PictureKind) -> bytes:
        """The picture's bytes. Raises FileNotFoundError when there is none, IntegrityError when it was changed."""
        with _store_errors("get"):
            sealed: bytes = self._files.cat_file(f"{self._folder(shelf)}/{read_id}/{kind.value}.sealed")
        key = self._keys.find(shelf)
        if key is None:
            raise IntegrityError(f"The pictures of {shelf} are there, but their key is gone; find out what took it.")
        return open_picture(key, shelf, read_id, kind, sealed)

    def listed(self, shelf: Shelf) -> list[tuple[UUID, PictureKind]]:
        """The pictures of a shelf, each by its read and kind. Raises IntegrityError like `count`."""
        self._check_belonging()
        files = [Path(path) for path in sorted(self._listed(self._folder(shelf))) if path.endswith(".sealed")]
        return [(UUID(file.parent.name), PictureKind(file.stem)) for file in files]

    def remove(self, shelf: Shelf, read_id: UUID) -> None:
        """Remove the pictures of one read from a shelf whose key goes on: its blocks are beyond reach with that key.

        Safe to repeat. Keeps: retention.suppressed
        """
        folder = f"{self._folder(shelf)}/{read_id}"
        if not self._listed(folder):
            return
        with _store_errors("removal"):
            self._files.rm(folder, recursive=True)
        if self._is_folder:
            sync_folder(Path(folder).parent)

    def destroy(self, shelf: Shelf) -> ShelfCount:
        """Destroy the key, then the files; says what was there before. Safe to repeat.

        What is being written there is waited for; this process then writes nothing there any more.
        Keeps: retention.sixty-days
        """
        self._gate.close(shelf)
        before = self.count(shelf)
        self._keys.destroy(shelf)
        folder = self._folder(shelf)
        if self._listed(folder) or (self._is_folder and Path(folder).exists()):
            with _store_errors("removal"):
                self._files.rm(folder, recursive=True)
            if self._is_folder:
                sync_folder(Path(folder).parent)
        return before

    def count(self, shelf: Shelf) -> ShelfCount:
        """What is there, as listed afresh: after a destruction these are the survivors.

        Raises IntegrityError when store and keys do not belong together, so that nothing found there counts.
        """
        self._check_belonging()
        return ShelfCount(len(self._listed(self._folder(shelf))), self._keys.count(shelf))

    def shelves(self) -> set[Shelf]:
        """All days and holds of which a picture or a key is there. Raises IntegrityError like `count`."""
        self._check_belonging()
        found = self._keys.shelves()
        for name in self._names(f"{self._root}/{_HELD}"):
            with suppress(ValueError):
                found.add(UUID(name))
        for name in self._names(self._root):
            with suppress(ValueError):
                found.add(date.fromisoformat(name))
        return found

    def _open(self) -> None:
        """Mark a store that is used for the first time: first the keys' folder, then the store itself."""
        self._check_belonging()
        if self._mark() is None:
            self._put(f"{self._root}/{_MARK}", self._keys.make_mark().encode())
        self._is_open = True

    def _check_belonging(self) -> None:
        """Made in this order: the keys' mark, the store's, the first key. They are read the other way round, so that a
        store which is used for the first time meanwhile is not taken for another.
        """
        has_keys, here, there = bool(self._keys.shelves()), self._mark(), self._keys.mark()
        if here != there and (here is not None or has_keys):
            raise IntegrityError(
                "The picture store and the folder of its keys do not belong together: one is not mounted, or another "
                "one was set. Correct storage.pictures_url or storage.picture_keys_folder."
            )

    def _mark(self) -> str | None:
        with _store_errors("get"), suppress(FileNotFoundError):
            content: bytes = self._files.cat_file(f"{self._root}/{_MARK}")
            return content.decode()
        return None

    def _put(self, path: str, content: bytes) -> None:
        if self._is_folder:
            write_durably(Path(path), content)
            return
        with _store_errors("put"):
            self._files.pipe_file(path, content)

    def _folder(self, shelf: Shelf) -> str:
        return f"{self._root}/{shelf}" if isinstance(shelf, date) else f"{self._root}/{_HELD}/{shelf}"

    def _listed(self, folder: str) -> list[str]:
        """All files below a folder."""
        with _store_errors("listing"):
            self._files.invalidate_cache()
            return list(self._files.find(folder))

    def _names(self, folder: str) -> set[str]:
        """What lies directly in a folder."""
        with _store_errors("listing"), suppress(FileNotFoundError):
            self._files.invalidate_cache()
            return {Path(path).name for path in self._files.ls(folder, detail=False)}
        return set()


class _Gate:
    """Lets writes into shelves until one is closed, and closing wait for the writes under way."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._under_way: Counter[Shelf] = Counter()
        self._closed: set[Shelf] = set()

    @contextmanager
    def writing(self, shelf: Shelf) -> Iterator[None]:
        with self._turn:
            if shelf in self._closed:
                raise ShelfDestroyed(f"the pictures of {shelf} are destroyed")
            self._under_way[shelf] += 1
        try:
            yield
        finally:
            with self._turn:
                self._under_way[shelf] -= 1
                self._turn.notify_all()

    def close(self, shelf: Shelf) -> None:
        with self._turn:
            self._closed.add(shelf)
            self._turn.wait_for(lambda: not self._under_way[shelf])


@contextmanager
def _store_errors(doing: str) -> Iterator[None]:
    """Object stores raise whatever their client libraries raise; what is missing stays FileNotFoundError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"a {doing} failed ({type(error).__name__})") from None
