"""Whether followed tables are known to be current, so that nothing is matched against an old list in silence.

A table is current at the time of a question for the end of its topic, once it has applied all up to that end. Reads go
on while that time is not longer ago than a limit; no answer, an end that is not reached and a partition that is not
followed all let it pass.
"""

import logging
import time
from collections.abc import Callable, Mapping

from faust.types import TP

from platestream.errors import IntegrityError
from platestream.metrics import TABLES_CURRENT

logger = logging.getLogger(__name__)


class Freshness:
    """Fed with what is asked about the topics of tables; `is_late` says whether to wait."""

    def __init__(self, limit_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._limit_seconds = limit_seconds
        self._now = now
        self._current_at = now()
        self._asked_at = now()
        self._ends: Mapping[TP, int] | None = None
        self._was_late = False

    def note(self, asked_at: float, offsets: Mapping[TP, tuple[int, int]], applied: Mapping[TP, int]) -> None:
        """`offsets` (first and next of each topic) answer what was asked at `asked_at`; `applied` are next offsets.

        Raises IntegrityError when a topic was cut or replaced: the table holds what its topic no longer says.
        """
        for tp, (start, end) in offsets.items():
            _check(tp, start, end, applied[tp])
        if self._ends is not None and all(applied.get(tp, 0) >= end for tp, end in self._ends.items()):
            self._current_at, self._ends = self._asked_at, None
        if self._ends is None:
            self._asked_at, self._ends = asked_at, {tp: end for tp, (_, end) in offsets.items()}

    def note_current(self) -> None:
        """All tables have just caught up."""
        self._current_at, self._ends = self._now(), None

    def is_late(self) -> bool:
        """True while the tables may be older than the limit. Says so in the log when that begins and ends."""
        late = self._now() - self._current_at > self._limit_seconds
        if late != self._was_late:
            self._was_late = late
            if late:
                logger.error(
                    "Tables were last known to be current %.0f s ago. Nothing is matched until they are again: see "
                    "whether their topics are there and the broker answers.",
                    self._now() - self._current_at,
                )
            else:
                logger.warning("Tables are current again.")
        TABLES_CURRENT.set(not late)
        return late


def _check(tp: TP, start: int, end: int, applied: int) -> None:
    name = f"{tp.topic}[{tp.partition}]"
    if end < applied:
        raise IntegrityError(f"{name} ends at {end}, before {applied} that was read from it: it was replaced. Restart.")
    if start > applied > 0:
        raise IntegrityError(f"{name} starts at {start}: updates from {applied} on were deleted unread. Restart.")
