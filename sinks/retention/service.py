"""Fills holds, takes out suppressed plates and sweeps, round after round, in a thread of the storage process."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.settings import Settings
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldKey
from sinks.holds.copying import HeldRows
from sinks.holds.keeping import HoldKeeper
from sinks.holds.partitions import HeldPartitions
from sinks.holds.state import HoldsState
from sinks.intake import Stopped
from sinks.pictures.store import PictureStore
from sinks.retention.backups import backups_place
from sinks.retention.kafka_place import kafka_places
from sinks.retention.place import Place
from sinks.retention.places import places
from sinks.retention.suppression import Suppressed, SuppressionSweep
from sinks.retention.sweeping import Sweeper
from sinks.retention.waiting import Waiting
from sinks.service import Run, Sinks
from streams.ledger.ledger import Ledger

_PATIENCE_SECONDS = 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where reads and pictures are kept, and all places that can hold a plate."""

    store: Store
    pictures: PictureStore
    places: list[Place]


def keeping(settings: Settings, store: Store, pictures: PictureStore) -> Kept:
    """Stores and topics of an installation. With the clock set ahead topics are left out: the broker's is not."""
    topics = [] if settings.clock_ahead_days else kafka_places(settings)
    return Kept(store=store, pictures=pictures, places=[*places(settings, store, pictures), *topics])


class Retention:
    """Steps 7 and 9 as one loop. Make one, `run` it once. Raises ConfigError when the key of holds cannot be used."""

    def __init__(
        self, settings: Settings, kept: Kept, ledger: Ledger[HoldsState], suppressed: Suppressed, clock: Clock
    ) -> None:
        self._stop = threading.Event()
        self._seconds = settings.retention.sweep_seconds
        self._ledger = ledger
        self._clock = clock
        waiting = Waiting(sleep=self._pause)
        self._suppression = SuppressionSweep(kept.store, kept.pictures, suppressed, waiting)
        self._keeper = HoldKeeper(
            HeldRows(kept.store), HeldPartitions(kept.store), kept.pictures, backups_place(settings), HoldKey(settings)
        )
        self._sweeper = Sweeper(
            ledger=ledger,
            clock=clock,
            places=kept.places,
            holder=self._keeper,
            limits=settings.retention,
            waiting=waiting,
        )

    def run(self, stop: threading.Event, turned: Callable[[], None]) -> None:
        """One round after the other until `stop` is set; `turned` is called after each.

        Raises IntegrityError when something survives or the ledger is damaged, TransientError when a store, the ledger
        or what is overdue somewhere stays unknown for an hour.
        """
        self._stop = stop
        failing_since: float | None = None
        while not stop.is_set():
            try:
                self.round()
                failing_since = None
            except Stopped:
                return
            except TransientError as error:
                failing_since = failing_since or time.monotonic()
                _log.error("holds and destruction wait: %s", error)
                if time.monotonic() - failing_since > _PATIENCE_SECONDS:
                    raise
            turned()
            stop.wait(self._seconds)

    def round(self) -> None:
        """Holds take what is new, suppressed plates go, and what is due is destroyed. Raises as `run`."""
        state, now = self._ledger.replay_all(), self._clock.now()
        self._suppression.fill(now)
        self._keeper.follow(state, now)
        if self._suppression.sweep(state, now):
            self._keeper.look_again()
        self._sweeper.sweep()

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped


def start_retention(
    settings: Settings, kept: Kept, ledger: Ledger[HoldsState], clock: Clock, suppressed: Suppressed
) -> Sinks:
    """Start it in a thread of its own, unless `retention.is_run_here` says that another process does this.

    Raises ConfigError when the key of holds cannot be used.
    """
    runs: dict[str, Run] = {}
    if settings.retention.is_run_here:
        runs["retention"] = Retention(settings, kept, ledger, suppressed, clock).run
    threads = Sinks(runs, lambda: None)
    threads.start()
    return threads
