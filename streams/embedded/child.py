"""One child process: started on record, waited for until it answers, stopped in order.

Kafka, the registry and our own roles run as children of `make run`. They are in sessions of their own, so Ctrl-C on
the terminal reaches the parent alone, which then stops them one after the other.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platestream.errors import ConfigError
from streams.embedded.recorded import end_recorded, remove_record, write_record

# The shell waits for a line before it becomes the program: a parent that dies between starting a child and putting it
# on record closes the pipe, and the child ends before it was anything.
_GATE = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "gate")
_MAX_OUTPUT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_TROUBLE = re.compile(r"\b(ERROR|FATAL|CRITICAL)\b|Exception|Error\b")


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs as a child.

    `output` takes its standard output and error; `log` is the file it writes itself, if it does. Without `env` it has
    the environment of the parent.
    """

    name: str
    argv: Sequence[str]
    folder: Path
    output: Path
    log: Path | None = None
    env: Mapping[str, str] | None = None


class Child:
    """A program that runs, ran or will run. `run_folder` is where it is on record."""

    def __init__(self, program: Program, run_folder: Path) -> None:
        self.program = program
        self._run_folder = run_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_starts: dict[Path, int] = {}

    @property
    def pid(self) -> int | None:
        """The process id, None before the first start."""
        return self._process.pid if self._process else None

    @property
    def return_code(self) -> int | None:
        """How it ended (negative: by which signal), None while it runs and before the first start."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, after ending what an earlier run left under its name. Returns at once.

        Raises ConfigError when its files cannot be written.
        """
        end_recorded(self._run_folder, [self.program.name])
        try:
            self._start()
        except OSError as error:
            raise ConfigError(f"{self.program.name} cannot be started: {error}; free or repair that path.") from None

    def wait_ready(self, is_ready: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until `is_ready` says so.

        Raises ConfigError with its last words when it ends before that, or does not answer in time (it is then killed).
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running():
                remove_record(self._run_folder, self.program.name)
                raise ConfigError(f"{self.program.name} ended while starting: {self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ConfigError(f"{self.program.name} did not answer in {seconds:.0f} s: {self.last_words()}")
            time.sleep(0.05)

    def ask_to_end(self) -> None:
        """Send SIGTERM and return; `stop` waits."""
        if self._process:
            self._process.terminate()

    def stop(self, grace_seconds: float = 20) -> bool:
        """End it and wait; False when it had to be killed. Does nothing when it does not run."""
        if not self._process:
            return True
        self._process.terminate()
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        remove_record(self._run_folder, self.program.name)
        return True

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()
            remove_record(self._run_folder, self.program.name)

    def last_words(self) -> str:
        """The last line about trouble since the start (else the last line), and the files to look into."""
        lines = [line for file in self._logs() for line in _tail(file, self._log_starts.get(file, 0))]
        troubles = [line for line in lines if _TROUBLE.search(line)]
        words = (troubles or lines or ["it said nothing"])[-1].strip()[:500]
        return f"{words} (see {' and '.join(str(file) for file in self._logs())})"

    def _logs(self) -> list[Path]:
        return [file for file in (self.program.output, self.program.log) if file]

    def _start(self) -> None:
        program = self.program
        program.output.parent.mkdir(parents=True, exist_ok=True)
        _set_aside_when_large(program.output)
        self._log_starts = {file: file.stat().st_size if file.exists() else 0 for file in self._logs()}
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as closed_gate, os.fdopen(write_end, "wb", buffering=0) as gate:
            with program.output.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603 - argv is ours, no shell reads it
                    [*_GATE, *program.argv],
                    cwd=program.folder,
                    env=program.env,
                    stdin=closed_gate,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            write_record(self._run_folder, program.name, self._process.pid)
            gate.write(b"\n")


def _set_aside_when_large(file: Path) -> None:
    if file.exists() and file.stat().st_size > _MAX_OUTPUT_BYTES:
        os.replace(file, file.with_name(file.name + ".1"))


def _tail(file: Path, start: int) -> list[str]:
    if not file.exists():
        return []
    size = file.stat().st_size
    with file.open("rb") as opened:
        opened.seek(max(size - _TAIL_BYTES, start if start <= size else 0))
        return [line for line in opened.read().decode(errors="replace").splitlines() if line.strip()]
