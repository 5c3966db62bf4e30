"""Follows the ledger for suspensions alone: for services that must stop when use is suspended and decide nothing else.

A collector goes on without the broker for days, so the last known state is kept in a file and is what a restart
begins with until the ledger was followed to its end. What it takes in between is left out by the sinks, who go by the
time of collection.
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from platestream.durable_files import write_durably
from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from streams.ledger.following import LedgerFollower
from streams.ledger.kafka import TOPIC
from streams.ledger.suspending import NEVER_SUSPENDED, SuspendedSpan, Suspensions, fold_suspensions

_TURN_SECONDS = 0.5
_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class SuspensionWatch:
    """`now` at any time from any thread; `check_sound` now and then; `close` at the end.

    Raises ConfigError when the file of the last known state cannot be used.
    """

    def __init__(self, kafka: KafkaSettings, codec: Codec, file: Path | None = None, *, topic: str = TOPIC) -> None:
        self._file = file
        self._known = _read(file)
        self._follower = LedgerFollower(
            kafka, codec, fold_suspensions, NEVER_SUSPENDED, topic=topic, timeout_seconds=_TIMEOUT_SECONDS
        )
        self._fault: OSError | IntegrityError | None = None
        self._is_current = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="suspension-watch", daemon=True)
        self._thread.start()

    def now(self) -> Suspensions:
        """What is known: the state of the ledger, or the last known one while it was not followed to its end yet."""
        return self._known

    def wait_ready(self, seconds: float) -> None:
        """Return once the ledger was followed to its end. Raises TransientError past the time, else as check_sound."""
        reached = self._is_current.wait(seconds)
        self.check_sound()
        if not reached:
            raise TransientError(f"The ledger could not be followed to its end in {seconds:.0f} s.")

    def check_sound(self) -> None:
        """Raises IntegrityError when the ledger cannot be followed or the state not kept: an order could be missed."""
        if isinstance(self._fault, OSError):
            raise IntegrityError(f"{self._file} cannot be written ({self._fault.strerror}); make room, start again.")
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._follower.close()

    def _watch(self) -> None:
        try:
            while not self._closing.is_set():
                self._look()
                self._closing.wait(_TURN_SECONDS)
        except (OSError, IntegrityError) as fault:
            self._fault = fault
            self._is_current.set()

    def _look(self) -> None:
        try:
            state = self._follower.latest() if self._is_current.is_set() else self._follower.state_at_end()
        except TransientError:
            return
        if state != self._known:
            if state.is_in_force != self._known.is_in_force:
                _log.warning("use is %s by order", "suspended" if state.is_in_force else "resumed")
            if self._file:
                write_durably(self._file, _written(state))
            self._known = state
        self._is_current.set()


@contextmanager
def watching_suspensions(
    kafka: KafkaSettings, codec: Codec, file: Path | None = None, *, topic: str = TOPIC
) -> Iterator[SuspensionWatch]:
    """A watch that is closed at the end. Raises as SuspensionWatch."""
    watch = SuspensionWatch(kafka, codec, file, topic=topic)
    try:
        yield watch
    finally:
        watch.close()


def _written(state: Suspensions) -> bytes:
    spans = [[span.from_at.isoformat(), span.until_at and span.until_at.isoformat()] for span in state.spans]
    return json.dumps(spans).encode()


def _read(file: Path | None) -> Suspensions:
    if file is None or not file.exists():
        return NEVER_SUSPENDED
    try:
        spans = json.loads(file.read_bytes())
        return Suspensions(
            tuple(
                SuspendedSpan(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)
                for start, end in spans
            )
        )
    except (OSError, ValueError, TypeError):
        raise ConfigError(f"{file} cannot be read; restore it, or remove it once the ledger can be followed.") from None
