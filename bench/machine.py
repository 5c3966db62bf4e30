"""The machine a bench ran on, for its heading: figures of a busy machine are lower bounds."""

import os
import platform
import time

import psutil


def describe_machine() -> str:
    """Cores, Python and the load average of the last minute."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f} at start"


class Stolen:
    """The time that the cores were taken away for other machines of the same host, since this was made.

    Whatever waits in such a time waits, whoever wrote it: figures with much of it say little.
    """

    def __init__(self) -> None:
        self._seconds, self._since = _stolen_seconds(), time.monotonic()

    def share(self) -> float:
        """Of the time of all cores; 0 where the system does not tell."""
        cores_seconds = (time.monotonic() - self._since) * (os.cpu_count() or 1)
        return (_stolen_seconds() - self._seconds) / cores_seconds


def _stolen_seconds() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
