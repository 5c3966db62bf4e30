"""Runs the sinks, each in a thread of its own, as one part of the storage process.

A sink that ends by an error is never silent: the error is raised to whoever asks next, and `failed` is set at once.
The process is alive only while all loops turn.
"""

import hashlib
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from platestream.clock import Clock
from platestream.errors import PlatestreamError, TransientError
from platestream.settings import Settings
from schemas.codec import Codec
from sinks.clickhouse import ledger
from sinks.clickhouse.ledger import LedgerKeeper
from sinks.clickhouse.sink import ALERTS, OUTCOMES, READS, alerts_keeper, outcomes_keeper, reads_keeper
from sinks.clickhouse.store import Store
from sinks.clickhouse.upkeep import Upkeep
from sinks.dead_letters import DeadLetters
from sinks.holds.investigations import Withholding
from sinks.holds.state import HoldsState
from sinks.intake import Intake
from sinks.pictures import sink as pictures
from sinks.pictures.sink import PictureKeeper
from sinks.pictures.store import PictureStore
from sinks.retention.suppression import Suppressed
from sinks.retention.truncation import Truncation, groups_by_topic
from sinks.topic_sink import Keeper, Limits, TopicSink
from streams.ledger.ledger import Ledger
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions

_log = logging.getLogger(__name__)

B = TypeVar("B")
Run = Callable[[threading.Event, Callable[[], None]], None]


class Sinks:
    """Sinks as threads: `start_sinks` makes and starts them; `check` often, `stop` once.

    `failed` is set when one has ended by an error. `beat` is called whenever all have come round.
    """

    def __init__(self, runs: dict[str, Run], beat: Callable[[], None]) -> None:
        self.failed = threading.Event()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._round = _Round(set(runs), beat)
        self._threads = [
            threading.Thread(target=self._run, args=item, name=f"sink-{item[0]}", daemon=True) for item in runs.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raises the error that ended a sink."""
        if self._failure:
            raise self._failure

    def stop(self, seconds: float = 30) -> None:
        """Let all finish and commit their batch.

        Raises the error that ended a sink, TransientError when one does not end within `seconds`.
        """
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(seconds)
        self.check()
        if any(thread.is_alive() for thread in self._threads):
            raise TransientError(f"A sink did not end within {seconds:.0f} s; its batch is not committed.")

    def _run(self, name: str, run: Run) -> None:
        try:
            run(self._stop, lambda: self._round.turned(name))
        except BaseException as error:  # whatever it is, it is raised again by check
            _log.error("the %s sink ended: %s", name, error if isinstance(error, PlatestreamError) else type(error))
            self._failure = self._failure or error
            self._stop.set()
            self.failed.set()


class _Round:
    """Calls `beat` each time all have turned since the last call."""

    def __init__(self, names: set[str], beat: Callable[[], None]) -> None:
        self._names = names
        self._beat = beat
        self._turned: set[str] = set()
        self._lock = threading.Lock()

    def turned(self, name: str) -> None:
        with self._lock:
            self._turned.add(name)
            if self._turned != self._names:
                return
            self._turned = set()
        self._beat()


@dataclass(frozen=True, kw_only=True)
class Into:
    """Where what is taken goes: a migrated store and pictures. List, holds and suspensions say what does not."""

    store: Store
    pictures: PictureStore
    suppressed: Suppressed
    holds: Ledger[HoldsState]
    suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED


def start_sinks(settings: Settings, into: Into, codec: Codec, clock: Clock, beat: Callable[[], None]) -> Sinks:
    """Start all sinks. Raises ConfigError when an address, a Kafka option or the key of holds cannot be used."""
    store, withhold = into.store, Withholding(settings, into.suppressed, into.holds, clock)
    kafka, days = settings.kafka, settings.retention.days
    limits = Limits(settings.storage.batch_reads, settings.storage.batch_milliseconds / 1000)

    def keep(topic: str, group: str, keeper: Keeper[B], limits: Limits = limits) -> Run:
        """Made within its thread, for a consumer that is made is a member of its group."""

        def run(stop: threading.Event, turned: Callable[[], None]) -> None:
            intake = Intake(kafka, topic, group, _instance(group, store))
            TopicSink(intake, keeper, DeadLetters(kafka, codec, clock, retention_days=days), limits).run(stop, turned)

        return run

    picture_keeper = PictureKeeper(settings, into.pictures, codec, clock, withhold, into.suspensions)
    read_keeper = reads_keeper(store, codec, clock, days, withhold, suspensions=into.suspensions)
    runs = {
        "reads": keep(READS.topic, READS.group, read_keeper),
        "alerts": keep(ALERTS.topic, ALERTS.group, alerts_keeper(store, codec, clock, days, withhold)),
        "outcomes": keep(OUTCOMES.topic, OUTCOMES.group, outcomes_keeper(store, codec)),
        "ledger": keep(ledger.TOPIC, ledger.GROUP, LedgerKeeper(store)),
        "pictures": keep(pictures.TOPIC, pictures.GROUP, picture_keeper, pictures.LIMITS),
    }
    truncation = Truncation(
        settings,
        groups_by_topic(settings, {READS.topic: READS.group, pictures.TOPIC: pictures.GROUP}),
    )
    upkeep = Upkeep(store, clock, days)
    sinks = Sinks({**runs, "truncation": truncation.run, "upkeep": upkeep.run}, beat)
    sinks.start()
    return sinks


def _instance(group: str, store: Store) -> str | None:
    """Only one process can own a chDB folder, so it may come back under the same name without waiting for its ghost."""
    if not store.folder:
        return None
    place = hashlib.sha256(f"{socket.gethostname()}\x1f{store.folder}".encode()).hexdigest()[:12]
    return f"{group}-{place}"
