"""Who is measured: processes that read `plate-reads`, hold `hotlist-entries` and write `alerts`, and our own of them.

Ours is `platestream processor` as it is in production: nothing in it knows that it is measured.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.broker import BenchBroker, free_ports
from bench.errors import BenchError
from platestream.settings import environment
from streams.embedded.child import Child, Program


@dataclass(frozen=True, kw_only=True)
class Contender:
    """`argv` gives the command line for a broker and a consumer group; `share` is the part of the reads it is given."""

    name: str
    argv: Callable[[BenchBroker, str], Sequence[str]]
    share: float = 1.0


_LAST_WORDS = 2000
OURS = Contender(name="platestream", argv=lambda _broker, _group: [sys.executable, "-m", "platestream", "processor"])


class Running:
    """A contender's process."""

    def __init__(self, name: str, child: Child) -> None:
        self.name = name
        self.started_at = time.perf_counter()
        self._child = child
        child.start()
        self.process = psutil.Process(child.pid)

    def check(self) -> None:
        """Raises BenchError with its last words when it has ended."""
        if not self._child.is_running():
            words = self._child.program.output.read_text(errors="replace")[-_LAST_WORDS:]
            raise BenchError(f"{self.name} ended with code {self._child.return_code}: {words}")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        """Resident memory."""
        return int(self.process.memory_info().rss)

    def kill(self) -> None:
        self._child.kill()


@contextmanager
def running(contender: Contender, broker: BenchBroker, group: str, worker: int = 0) -> Iterator[Running]:
    """Run a contender as `group`; it is killed after the block. Several workers of a group have numbers."""
    name = f"{group}-{worker}"
    folder = broker.folder / name
    folder.mkdir(exist_ok=True)
    program = Program(
        name=name,
        argv=contender.argv(broker, group),
        folder=Path(__file__).parents[1],
        output=folder / "output.log",
        env=_environment(broker, group),
    )
    started = Running(contender.name, Child(program, broker.folder / "run"))
    try:
        yield started
    finally:
        started.kill()


def _environment(broker: BenchBroker, group: str) -> dict[str, str]:
    """Ours reads its settings from here, and no others; the probe has a port of its own for each process."""
    [probe_port] = free_ports(1)
    processor = broker.settings.processor.model_copy(update={"group": group, "probe_port": probe_port})
    others = {name: value for name, value in os.environ.items() if not name.startswith("PLATESTREAM_")}
    return {**others, **environment(broker.settings.model_copy(update={"processor": processor}))}
