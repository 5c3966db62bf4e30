"""What is measured of one run of a contender."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Measured:
    """`parts` are those of `reads` right after the run; memory is this process's, engine included."""

    reads: int
    seconds: float
    cpu_seconds: float
    parts: int
    resident_bytes: int

    @property
    def reads_per_second(self) -> float:
        return self.reads / self.seconds

    @property
    def cpu_seconds_per_million(self) -> float:
        return self.cpu_seconds / self.reads * 1e6


@dataclass
class Stopwatch:
    """Wall and CPU seconds of this process, in which the engine runs too."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Time the block."""
    watch, started, cpu_started = Stopwatch(), time.monotonic(), time.process_time()
    yield watch
    watch.seconds, watch.cpu_seconds = time.monotonic() - started, time.process_time() - cpu_started


def resident_bytes() -> int:
    """Memory of this process now."""
    return int(psutil.Process().memory_info().rss)
