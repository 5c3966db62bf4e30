"""The keys of pictures: one for each day of collection and one for each hold, each a file of its own.

A key is destroyed with its day or hold; what its pictures were is then beyond reach, wherever copies of them lie. So
the keys' folder belongs on a volume of its own, of which no snapshots are kept. A key is read from its file each time
and never kept in memory: when the file is gone, nobody has it. A mark, the same in this folder and in the store, says
that the two belong together, so that a volume that is not mounted is not taken for an empty one.
"""

import threading
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platestream.durable_files import destroy_file, sync_folder
from platestream.errors import ConfigError
from platestream.secret_files import read_secret, write_secret

_MARK = "store.id"

Shelf = date | UUID  # pictures that share a key and are destroyed together: those of a day, or those of a hold


class PictureKeys:
    """Keys under `folder`, as `days/<day>.key` and `holds/<hold id>.key`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._on_disk: set[Shelf] = set()
        self._lock = threading.Lock()

    def make(self, shelf: Shelf) -> bytes:
        """The shelf's key, made if there is none; when this returns, it is on disk. Raises OSError."""
        file = self._file(shelf)
        try:
            with self._lock:
                if shelf not in self._on_disk or not file.exists():
                    if not write_secret(file, AESGCM.generate_key(256)):
                        sync_folder(file.parent)  # whoever made it may have been killed before it came to disk
                    self._on_disk.add(shelf)
            return read_secret(file)
        except ConfigError as error:
            raise OSError(str(error)) from None

    def find(self, shelf: Shelf) -> bytes | None:
        """The shelf's key; None when there is none. Raises ConfigError when others may read it."""
        file = self._file(shelf)
        return read_secret(file) if file.exists() else None

    def destroy(self, shelf: Shelf) -> None:
        """Overwrite and remove the key, and what a crash may have left of its making. Raises OSError."""
        with self._lock:
            for file in self._files(shelf):
                destroy_file(file)
            self._on_disk.discard(shelf)

    def count(self, shelf: Shelf) -> int:
        """How many files hold the key or may hold a part of it."""
        return len(self._files(shelf))

    def mark(self) -> str | None:
        """The mark of the store these keys belong to; None when there was no store yet."""
        file = self._folder / _MARK
        return file.read_text() if file.exists() else None

    def make_mark(self) -> str:
        """The mark, made if there is none: of several who make one at once, all get the first. Raises OSError."""
        try:
            write_secret(self._folder / _MARK, str(uuid4()).encode())
        except ConfigError as error:
            raise OSError(str(error)) from None
        return self.mark() or ""

    def shelves(self) -> set[Shelf]:
        """All days and holds with a key."""
        days = {date.fromisoformat(file.stem) for file in self._folder.glob("days/[0-9]*.key")}
        holds = {UUID(file.stem) for file in self._folder.glob("holds/[0-9a-f]*.key")}
        return {*days, *holds}

    def _file(self, shelf: Shelf) -> Path:
        return self._folder / ("days" if isinstance(shelf, date) else "holds") / f"{shelf}.key"

    def _files(self, shelf: Shelf) -> list[Path]:
        """Also what write_secret has begun: `.NAME.` and random characters, until the file has its name."""
        file = self._file(shelf)
        return [*file.parent.glob(file.name), *file.parent.glob(f".{file.name}.*")]
