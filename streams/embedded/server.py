"""One Java server of the stack: a child that knows when it answers and keeps its class archive."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import SubprocessError

from platestream.errors import ConfigError
from streams.embedded.child import Child, Program
from streams.embedded.java import ClassArchive

_CLEAN_ENDS = (0, 128 + signal.SIGTERM)


class JavaServer:
    """`prepare` takes the JVM options of the archive, writes the configuration and says what to run."""

    def __init__(
        self,
        prepare: Callable[[Sequence[str]], Program],
        is_ready: Callable[[], bool],
        archive: ClassArchive,
        run_folder: Path,
    ) -> None:
        self._prepare = prepare
        self._is_ready = is_ready
        self._archive = archive
        self._run_folder = run_folder
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the first start."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it and return at once. Raises ConfigError when it cannot be."""
        try:
            program = self._prepare(self._archive.options())
        except (OSError, SubprocessError) as error:
            sentence = f"A server cannot be prepared: {error}; repair that path or the disk, and start again."
            raise ConfigError(sentence) from None
        self._child = Child(program, self._run_folder)
        self._child.start()

    def wait_ready(self) -> None:
        """Raises ConfigError when it ends or does not answer in time."""
        if self._child:
            self._child.wait_ready(self._is_ready)

    def ask_to_end(self) -> None:
        """Begin to stop; `stop` waits."""
        if self._child:
            self._child.ask_to_end()

    def stop(self) -> None:
        """Stop and wait. A first clean end takes some seconds more and leaves the archive."""
        if self._child and self._child.stop() and self._child.return_code in _CLEAN_ENDS:
            self._archive.keep()

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._child:
            self._child.kill()
