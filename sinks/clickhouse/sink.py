"""Step 6, kept: takes reads off Kafka and inserts them into ClickHouse, each once as far as anyone can see.

Insert, then commit: after a crash in between the batch is inserted again, and a double is harmless (reads.py). While
ClickHouse inserts one batch, the next is taken and sorted. When it refuses a batch, the records are read one by one,
the corrupt ones become dead letters and the rest is written anew and inserted; when it is away, the batch is tried
again with the partitions paused, and after a while the process ends with nothing committed.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from threading import Event

from clickhouse_connect.driver.exceptions import Error
from confluent_kafka import Message

from platestream.clock import Clock
from platestream.errors import InvalidMessage, TransientError
from platestream.metrics import INSERT_SECONDS, INSERTS, READS_OVERDUE, READS_STORED
from platestream.settings import Settings
from schemas.codec import Codec
from sinks.clickhouse.sorting import Group, sort_reads
from sinks.clickhouse.splice import columns, container, write_anew
from sinks.clickhouse.store import Store
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake, Stopped
from sinks.retention.rules import KeptSpan

TOPIC = "plate-reads"
GROUP = "storage-reads"
LANDING = "reads_landing"
_PATIENCE_SECONDS = 600
_MORE_SECONDS = 0.1

_log = logging.getLogger(__name__)


@dataclass
class _Flight:
    """A batch on its way into ClickHouse."""

    messages: Sequence[Message]
    groups: list[Group[Message]]
    inserted: Future[None]


class ReadSink:
    """`run` until told to stop; make one, run it once."""

    def __init__(
        self, settings: Settings, intake: Intake, store: Store, codec: Codec, dead_letters: DeadLetters, clock: Clock
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._store = store
        self._codec = codec
        self._dead_letters = dead_letters
        self._clock = clock

    def run(self, stop: Event, beat: Callable[[], None], patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Keep reads until `stop` is set, then finish the batch in hand. `beat` is called at least each second.

        Raises IntegrityError when reads were lost before they got here, TransientError when ClickHouse or Kafka stay
        away for `patience_seconds`, ConfigError when the topic is missing.
        """
        limits = self._settings.storage
        flight: _Flight | None = None

        def turn() -> bool:
            beat()
            return not stop.is_set()

        with closing(self._intake), ThreadPoolExecutor(1, "insert-reads") as inserter:
            while turn():
                messages = self._intake.take(limits.batch_reads, limits.batch_milliseconds / 1000)
                while flight and not flight.inserted.done() and len(messages) < limits.batch_reads and turn():
                    messages += self._intake.take(limits.batch_reads - len(messages), _MORE_SECONDS)
                groups = self._sort(messages)
                if flight:
                    self._land(flight, turn, patience_seconds)
                flight = _Flight(messages, groups, inserter.submit(self._insert, groups)) if messages else None
            if flight:
                self._land(flight, turn, patience_seconds)

    def _sort(self, messages: list[Message]) -> list[Group[Message]]:
        span = KeptSpan.at(self._clock.now(), self._settings.retention.days)
        found = sort_reads(messages, self._codec, span)
        READS_OVERDUE.inc(found.overdue)
        for message, reason in found.refused:
            self._dead_letters.put(message, reason)
        return found.groups

    def _land(self, flight: _Flight, turn: Callable[[], bool], patience_seconds: float) -> None:
        """Wait until the batch is on disk, then commit it."""
        try:
            try:
                flight.inserted.result()
            except Error as error:
                _log.warning("ClickHouse refused a batch (its error %s); reading its records one by one", error.code)
                self._write_anew(flight.groups)
                self._intake.persist(lambda: self._insert(flight.groups), Error, patience_seconds, turn)
            self._dead_letters.flush()
        except Error as error:
            raise TransientError(f"ClickHouse takes no reads (its error {error.code}).") from None
        except Stopped:
            _log.warning("stopped while ClickHouse took no reads; they stay on Kafka")
            return
        self._intake.commit(flight.messages)

    def _insert(self, groups: list[Group[Message]]) -> None:
        """Runs in the inserter's thread while all goes well. Safe to repeat."""
        for group in groups:
            with INSERT_SECONDS.time():
                self._store.insert_avro(LANDING, columns(group.version), container(group.version, group.values))
            INSERTS.inc()
            READS_STORED.inc(len(group.values))

    def _write_anew(self, groups: list[Group[Message]]) -> None:
        """What is left in the groups is as a correct writer gives it, so a refusal after this is not the data's."""
        for group in groups:
            pairs = list(zip(group.messages, group.values, strict=True))
            group.messages, group.values = [], []
            for message, value in pairs:
                try:
                    group.values.append(write_anew(group.version, value))
                    group.messages.append(message)
                except InvalidMessage as error:
                    self._dead_letters.put(message, error.reason)
