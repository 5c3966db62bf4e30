"""Step 6, kept: the one way in which a topic is kept, whatever is on it and wherever it goes.

A batch is taken and sorted piece by piece, kept, then committed: after a crash in between it is kept again, and a
double is harmless because everything kept has an identity. While one batch is kept, the next one is taken and sorted,
and grows: the slower the store, the fewer and larger its batches, up to `Limits`. When the store refuses a batch, the
batch is looked through for what the store chokes on and kept without that; while the store is slow or away, nothing
more is taken, membership of the group lives on, and after a while the process ends with nothing committed. So at most
two batches are in memory.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Generic, Protocol, TypeVar

from platestream.errors import TransientError
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake, Stopped
from sinks.taken import Message, Taken

_PATIENCE_SECONDS = 600
_MORE_SECONDS = 0.1
_IDLE_SHARE = 0.25  # of a full batch: so much is not held back from a store that has nothing to do
_PIECE_MESSAGES = 20_000  # what is sorted at once stays in the processor's cache
_MESSAGE_BYTES = 16  # a message's length and place, beside what it holds

_log = logging.getLogger(__name__)
B = TypeVar("B")

Place = tuple[int, int]
"""Partition and offset of a message."""
Refused = list[tuple[Message, str]]


@dataclass(frozen=True)
class Limits:
    """The most messages in one batch, and the longest wait until one is kept.

    A batch of `bytes` grows no more; the piece that brought it there may go beyond by what an intake fetches ahead.
    """

    messages: int
    seconds: float
    bytes: int = 256 * 1024 * 1024


class Keeper(Protocol[B]):
    """What to do with the messages of a topic. A batch is a list of pieces of type B; only `sort` makes them."""

    @property
    def store(self) -> str:
        """In the words of a log line: "ClickHouse"."""
        ...

    @property
    def failures(self) -> type[Exception]:
        """What `keep` raises when the store refuses or is away."""
        ...

    def sort(self, taken: Taken) -> tuple[B, Refused]:
        """What to keep, and what cannot be kept with the reason."""
        ...

    def keep(self, batch: Sequence[B]) -> None:
        """Bring a batch to disk. Runs in a thread of its own. Safe to repeat. Raises `failures`."""
        ...

    def repair(self, batch: Sequence[B]) -> list[tuple[Place, str]]:
        """Take out of a refused batch what no store could keep; a refusal after that is not the data's."""
        ...


@dataclass
class Batch(Generic[B]):
    """What was taken since the batch before; `ends` has the last offset of each partition."""

    pieces: list[B] = field(default_factory=list, repr=False)
    ends: dict[int, int] = field(default_factory=dict)
    messages: int = 0
    bytes: int = 0

    def add(self, piece: B, taken: Taken) -> None:
        self.pieces.append(piece)
        self.messages += len(taken)
        self.bytes += taken.bytes + _MESSAGE_BYTES * len(taken)
        self.ends[taken.partition] = taken.last_offset

    def room(self, limits: Limits) -> int:
        """How many messages may come in one piece; none when the batch is full."""
        left = limits.messages - self.messages
        return 0 if self.bytes >= limits.bytes else max(0, min(_PIECE_MESSAGES, left))


@dataclass
class _Flight(Generic[B]):
    """A batch on its way into the store."""

    batch: Batch[B]
    kept: Future[None] = field(repr=False)


class TopicSink(Generic[B]):
    """`run` until told to stop; make one, run it once."""

    def __init__(self, intake: Intake, keeper: Keeper[B], dead_letters: DeadLetters, limits: Limits) -> None:
        self._intake = intake
        self._keeper = keeper
        self._dead_letters = dead_letters
        self._limits = limits

    def run(self, stop: Event, beat: Callable[[], None], patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Keep messages until `stop` is set, then finish the batch in hand. `beat` is called at least each second.

        Raises IntegrityError when messages were lost before they got here, TransientError when the store or Kafka
        stay away for `patience_seconds`, ConfigError when the topic is missing.
        """

        def turn() -> bool:
            beat()
            return not stop.is_set()

        flight: _Flight[B] | None = None
        with closing(self._intake), ThreadPoolExecutor(1, f"keep-{self._intake.topic}") as keeping:
            while turn():
                batch = self._gather(flight, turn)
                if flight:
                    self._land(flight, turn, patience_seconds)
                flight = _Flight(batch, keeping.submit(self._keeper.keep, batch.pieces)) if batch.messages else None
            if flight:
                self._land(flight, turn, patience_seconds)

    def _gather(self, flight: _Flight[B] | None, turn: Callable[[], bool]) -> Batch[B]:
        """The next batch, sorted as it comes. It grows while the one before is kept, and while more is waiting."""
        batch, until, is_behind = Batch[B](), time.monotonic() + self._limits.seconds, False
        while (room := batch.room(self._limits)) and turn():
            left, is_idle = until - time.monotonic(), flight is None or flight.kept.done()
            is_enough = batch.messages >= _IDLE_SHARE * self._limits.messages if is_behind else left <= 0
            if is_idle and is_enough:
                break
            taken = self._intake.take(room, max(left, _MORE_SECONDS))
            if taken is not None:
                batch.add(self._sort(taken), taken)
            is_behind = taken is not None and taken.waiting >= _PIECE_MESSAGES
        return batch

    def _sort(self, taken: Taken) -> B:
        piece, refused = self._keeper.sort(taken)
        self._put_aside(refused)
        return piece

    def _land(self, flight: _Flight[B], turn: Callable[[], bool], patience_seconds: float) -> None:
        """Wait until the batch is on disk, then commit it."""
        keeper, failures, pieces = self._keeper, self._keeper.failures, flight.batch.pieces
        try:
            self._intake.wait_for(flight.kept, turn)
            try:
                flight.kept.result()
            except failures as error:
                _log.warning("%s refused a batch (%s); reading its records one by one", keeper.store, _name(error))
                self._put_aside(self._intake.take_again(keeper.repair(pieces)))
                self._intake.persist(lambda: keeper.keep(pieces), failures, patience_seconds, turn)
            self._dead_letters.flush()
        except failures as error:
            raise TransientError(f"{keeper.store} takes nothing of {self._intake.topic} ({_name(error)}).") from None
        except Stopped:
            _log.warning("stopped while %s took nothing; the batch stays on Kafka", keeper.store)
            return
        self._intake.commit(flight.batch.ends)

    def _put_aside(self, refused: Refused) -> None:
        for message, reason in refused:
            self._dead_letters.put(message, reason)


def _name(error: Exception) -> str:
    """What may be said of an error of a store: its text may quote the data."""
    code = getattr(error, "code", None)
    return f"its error {code}" if code else type(error).__name__
