"""The files of the embedded servers: those of the lock and no others, fetched once, compared at every start.

A file is moved into the cache only after its sha256 is that of the lock, so a broken download, a full disk or a second
process never leave a bad one there. What is there and no longer right is fetched again. A second start needs no
network.
"""

import hashlib
import os
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platestream.errors import ConfigError
from streams.embedded.cache import cache_folder, content_sha256_of, hold_cache, sha256_of
from streams.embedded.downloads import OnProgress, download, known_repositories
from streams.embedded.home import check_free_space
from streams.embedded.locked import Jar, JarLock, read_lock

_SPARE_BYTES = 256 * 1024**2


class JarStore:
    """The locked files in a cache folder. `repositories` are Maven repositories, name to URL, asked in order."""

    def __init__(
        self,
        folder: Path | None = None,
        lock: JarLock | None = None,
        repositories: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder or cache_folder()
        self._lock = lock or read_lock()
        self._repositories = repositories

    def fetch(self, on_progress: OnProgress = lambda done_bytes, total_bytes: None) -> None:
        """Fetch what is not there, several files at once; a second process waits and then finds them.

        Raises ConfigError when a download fails, is not what the lock says, or there is no room for it.
        """
        if not self._missing():
            return
        with hold_cache(self.folder) as unfinished:
            missing = self._missing()
            needed_bytes = 2 * sum(jar.size_bytes for jar in missing) + _SPARE_BYTES
            check_free_space(self.folder, needed_bytes, "set XDG_CACHE_HOME to a folder on another disk")
            download(missing, unfinished, self._repositories or known_repositories(), on_progress)
            for jar in missing:
                self._take(jar, unfinished)

    def kafka_class_path(self) -> list[Path]:
        """The broker's jars, in the order of the lock."""
        return [self._place(jar) for jar in self._lock.kafka]

    def registry_folder(self) -> Path:
        """The registry, unpacked."""
        return self._place(self._lock.registry)

    def kafka_sha256(self) -> str:
        """One sha256 for all of the broker's jars."""
        return hashlib.sha256("".join(jar.sha256 for jar in self._lock.kafka).encode()).hexdigest()

    def registry_sha256(self) -> str:
        """The sha256 of the registry."""
        return self._lock.registry.sha256

    def _missing(self) -> list[Jar]:
        jars = [*self._lock.kafka, self._lock.registry]
        with ThreadPoolExecutor() as pool:
            return [jar for jar, is_there in zip(jars, pool.map(self._is_there, jars), strict=True) if not is_there]

    def _place(self, jar: Jar) -> Path:
        return self.folder / "maven" / (jar.file.with_suffix(".unpacked") if jar.content_sha256 else jar.file)

    def _is_there(self, jar: Jar) -> bool:
        if jar.content_sha256:
            return content_sha256_of(self._place(jar)) == jar.content_sha256
        return sha256_of(self._place(jar)) == jar.sha256

    def _take(self, jar: Jar, unfinished: Path) -> None:
        fresh, place = unfinished / jar.file, self._place(jar)
        place.parent.mkdir(parents=True, exist_ok=True)
        if jar.content_sha256:
            fresh = unpack(fresh)
            if content_sha256_of(fresh) != jar.content_sha256:
                raise ConfigError(f"{jar.file.name} does not unpack to what jars.toml says; check the disk.")
            if place.exists():
                os.replace(place, unfinished / "replaced")
        os.replace(fresh, place)


def unpack(archive: Path) -> Path:
    """Unpack a tar.gz beside itself; the folder of its content."""
    folder = archive.with_suffix(".content")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder
