"""Keeps the tables in shape while the storage process runs: counts what changed, merges days that are over."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event

from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.retention import first_kept
from sinks.clickhouse.counting import Counting
from sinks.clickhouse.merging import merge_one_day
from sinks.clickhouse.store import Store

_PAUSE_SECONDS = 60
_TURN_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Upkeep:
    """`run` until told to stop. `days` is how long reads are kept."""

    def __init__(self, store: Store, clock: Clock, days: int, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._store = store
        self._clock = clock
        self._days = days
        self._pause_seconds = pause_seconds
        self._counting = Counting()

    def run(self, stop: Event, turned: Callable[[], None]) -> None:
        """A round now and then, in a thread of its own so that `turned` is called meanwhile.

        A round that ClickHouse refuses is said and made up for by the next: what it does can always be done later, and
        a day is counted once more before it is destroyed.
        """
        with ThreadPoolExecutor(1, "upkeep") as worker:
            while not stop.is_set():
                self._see_through(worker.submit(self.do_round), turned)
                waited = 0.0
                while waited < self._pause_seconds and not stop.wait(_TURN_SECONDS):
                    turned()
                    waited += _TURN_SECONDS

    def do_round(self) -> None:
        """Count the changed days and merge one that is over. Raises TransientError when ClickHouse fails."""
        client, now = self._store.client(), self._clock.now()
        first_day = first_kept(now, self._days).date()
        self._counting.count_changed(client, first_day)
        merge_one_day(client, now, first_day)

    def _see_through(self, round_: Future[None], turned: Callable[[], None]) -> None:
        while not wait([round_], _TURN_SECONDS).done:
            turned()
        try:
            round_.result()
        except TransientError as error:
            _log.warning("upkeep: %s It is tried again in %.0f s.", error, self._pause_seconds)
