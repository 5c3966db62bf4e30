"""Takes records from the spool to Kafka and forgets them only when Kafka has acknowledged them (step 3).

Many are in flight. The producer itself tries without end while no broker answers; should it give a record back all the
same, the record is still on disk and a new producer starts again from the oldest. A crash between acknowledgement and
deletion sends a record twice: it is the same read, by its id.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from platestream.clock import Clock
from platestream.errors import IntegrityError, TransientError
from platestream.metrics import PUBLISHED, SPOOL_OVERDUE
from platestream.retention import first_kept
from platestream.settings import KafkaSettings
from schemas.topics import topics
from streams.clients import producer
from streams.devices.spool import Spool, Spooled

MAX_IN_FLIGHT_RECORDS = 10_000
MAX_IN_FLIGHT_BYTES = 64 * 1024**2

_BATCH_RECORDS = 1000
_BATCH_BYTES = 16 * 1024**2
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_SWEEP_SECONDS = 600.0
_QUIET_SECONDS = 30.0

_log = logging.getLogger(__name__)


def spool_producer(kafka: KafkaSettings) -> Producer:
    """A producer that never gives up on a record while brokers are away, and takes the largest picture."""
    return producer(
        kafka,
        **{
            "message.timeout.ms": 0,
            "message.max.bytes": largest_record_bytes(),
            "linger.ms": 2,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 0,  # what matters comes through error_cb, less often
            "error_cb": _Complaints(),
        },
    )


def largest_record_bytes() -> int:
    """The largest record that any topic of the collector takes."""
    return max(int(t.config.get("max.message.bytes", 0)) for t in topics().values() if "collector" in t.producers)


class Publisher:
    """Drains `spool` on a thread of its own between `start` and `stop`."""

    def __init__(
        self, spool: Spool, make_producer: Callable[[], Producer], clock: Clock, *, retention_days: int
    ) -> None:
        self._spool = spool
        self._make_producer = make_producer
        self._clock = clock
        self._retention_days = retention_days
        self._stopping = threading.Event()
        self._turned_at = time.monotonic()
        self._swept_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait shortly for what is in flight; what is not acknowledged by then stays in the spool."""
        self._stopping.set()
        self._thread.join()

    def check(self, stale_after_seconds: float = 60) -> None:
        """Raises IntegrityError when the thread has ended or stands still."""
        if not self._thread.is_alive() or time.monotonic() - self._turned_at > stale_after_seconds:
            raise IntegrityError("The publisher stands still; reads stay in the spool. Restart the process.")

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            flight = _Flight(self._spool, self._make_producer())
            try:
                while not self._stopping.is_set():
                    self._sweep()
                    flight.turn()
                    self._turned_at = time.monotonic()
            except TransientError as error:
                pause = _FIRST_PAUSE_SECONDS if flight.acknowledged else min(pause * 2, _LONGEST_PAUSE_SECONDS)
                _log.warning("%s %d records wait on disk; next try in %.1f s.", error, len(self._spool), pause)
            flight.land()
            self._stopping.wait(pause)

    def _sweep(self) -> None:
        """Destroy what became overdue while no broker could be reached. Keeps: retention.sixty-days"""
        if time.monotonic() - self._swept_at > _SWEEP_SECONDS:
            SPOOL_OVERDUE.inc(self._spool.remove_overdue(first_kept(self._clock.now(), self._retention_days)).result())
            self._swept_at = time.monotonic()


class _Flight:
    """The records one producer has on their way, from the oldest in the spool on."""

    def __init__(self, spool: Spool, producer: Producer) -> None:
        self.acknowledged = 0
        self._spool = spool
        self._producer = producer
        self._last_id = 0
        self._records = self._bytes = 0
        self._landed: list[int] = []
        self._removals: deque[Future[int]] = deque()
        self._failure: KafkaError | None = None

    def turn(self) -> None:
        """Send what there is room for, take in reports. Raises TransientError when a record came back."""
        sent = self._send()
        if self._records:
            self._producer.poll(0 if sent else 0.005)
        elif not sent:
            self._spool.wait_for_arrival(0.1)
            self._producer.poll(0)
        self._forget_landed()
        if self._failure:
            raise TransientError(f"Kafka did not take a record ({self._failure.name()}).")

    def land(self, timeout_seconds: float = 5) -> None:
        """Wait for reports, then let the producer go with what it still has: that stays in the spool."""
        self._producer.flush(timeout_seconds)
        self._producer.purge()
        self._producer.flush(1)
        if self._landed:
            self._spool.remove(self._landed)

    def _send(self) -> bool:
        records = min(_BATCH_RECORDS, MAX_IN_FLIGHT_RECORDS - self._records)
        size = min(_BATCH_BYTES, MAX_IN_FLIGHT_BYTES - self._bytes)
        if records <= 0 or size <= 0:
            return False
        batch = self._spool.read(after=self._last_id, max_records=records, max_bytes=size)
        return all(self._produce(record) for record in batch) and bool(batch)

    def _produce(self, record: Spooled) -> bool:
        size = len(record.value)
        report = partial(self._report, record.id, size)
        try:
            self._producer.produce(record.topic, record.value, record.key, on_delivery=report)
        except BufferError:  # the producer's queue is full: this record is read again in a later turn
            return False
        except KafkaException as error:
            raise TransientError(f"Kafka's client refused a record ({error.args[0].name()}).") from error
        self._last_id = record.id
        self._records += 1
        self._bytes += size
        return True

    def _report(self, id_: int, size: int, error: KafkaError | None, message: Message) -> None:
        self._records -= 1
        self._bytes -= size
        if error:
            self._failure = error
            return
        self._landed.append(id_)
        PUBLISHED.labels(message.topic()).inc()

    def _forget_landed(self) -> None:
        if self._landed:
            self._removals.append(self._spool.remove(self._landed))
            self.acknowledged += len(self._landed)
            self._landed = []
        while self._removals and self._removals[0].done():
            self._removals.popleft().result()  # a record that stays on disk must be sent again and removed then


class _Complaints:
    """Says that brokers are away, but not more often than every _QUIET_SECONDS."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def __call__(self, error: Any) -> None:
        if time.monotonic() - self._said_at > _QUIET_SECONDS:
            self._said_at = time.monotonic()
            _log.warning("Kafka does not answer (%s); reads wait on disk.", error.name())
