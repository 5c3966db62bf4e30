"""Step 6, kept: the one way in which a topic is kept, whatever is on it and wherever it goes.

A batch is taken, sorted, kept, then committed: after a crash in between it is kept again, and a double is harmless
because everything kept has an identity. While one batch is kept, the next is taken and sorted. When the store refuses
a batch, the batch is looked through for what the store chokes on and kept without that; while the store is slow or
away, partitions are paused, membership of the group lives on, and after a while the process ends with nothing
committed. So at most two batches are in memory.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Generic, Protocol, TypeVar

from confluent_kafka import Message

from platestream.errors import TransientError
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake, Stopped

_PATIENCE_SECONDS = 600
_MORE_SECONDS = 0.1

_log = logging.getLogger(__name__)
B = TypeVar("B")

Refused = list[tuple[Message, str]]


@dataclass(frozen=True)
class Limits:
    """The most messages in one batch, and the longest wait until one is kept."""

    messages: int
    seconds: float


class Keeper(Protocol[B]):
    """What to do with the messages of a topic. A batch of type B is made by `sort` and used by nothing else here."""

    @property
    def store(self) -> str:
        """In the words of a log line: "ClickHouse"."""
        ...

    @property
    def failures(self) -> type[Exception]:
        """What `keep` raises when the store refuses or is away."""
        ...

    def sort(self, messages: Sequence[Message]) -> tuple[B, Refused]:
        """What to keep, and what cannot be kept with the reason."""
        ...

    def keep(self, batch: B) -> None:
        """Bring a batch to disk. Runs in a thread of its own. Safe to repeat. Raises `failures`."""
        ...

    def repair(self, batch: B) -> Refused:
        """Take out of a refused batch what no store could keep; a refusal after that is not the data's."""
        ...


@dataclass
class _Flight(Generic[B]):
    """A batch on its way into the store."""

    messages: Sequence[Message]
    batch: B
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
                messages = self._take(flight, turn)
                batch = self._sort(messages)
                if flight:
                    self._land(flight, turn, patience_seconds)
                flight = _Flight(messages, batch, keeping.submit(self._keeper.keep, batch)) if messages else None
            if flight:
                self._land(flight, turn, patience_seconds)

    def _take(self, flight: _Flight[B] | None, turn: Callable[[], bool]) -> list[Message]:
        """The next batch, which grows while the one before is kept."""
        most = self._limits.messages
        messages = self._intake.take(most, self._limits.seconds)
        while flight and not flight.kept.done() and len(messages) < most and turn():
            messages += self._intake.take(most - len(messages), _MORE_SECONDS)
        return messages

    def _sort(self, messages: Sequence[Message]) -> B:
        batch, refused = self._keeper.sort(messages)
        self._put_aside(refused)
        return batch

    def _land(self, flight: _Flight[B], turn: Callable[[], bool], patience_seconds: float) -> None:
        """Wait until the batch is on disk, then commit it."""
        keeper, failures = self._keeper, self._keeper.failures
        try:
            self._intake.wait_for(flight.kept, turn)
            try:
                flight.kept.result()
            except failures as error:
                _log.warning("%s refused a batch (%s); reading its records one by one", keeper.store, _name(error))
                self._put_aside(keeper.repair(flight.batch))
                self._intake.persist(lambda: keeper.keep(flight.batch), failures, patience_seconds, turn)
            self._dead_letters.flush()
        except failures as error:
            raise TransientError(f"{keeper.store} takes nothing of {self._intake.topic} ({_name(error)}).") from None
        except Stopped:
            _log.warning("stopped while %s took nothing; the batch stays on Kafka", keeper.store)
            return
        self._intake.commit(flight.messages)

    def _put_aside(self, refused: Refused) -> None:
        for message, reason in refused:
            self._dead_letters.put(message, reason)


def _name(error: Exception) -> str:
    """What may be said of an error of a store: its text may quote the data."""
    code = getattr(error, "code", None)
    return f"its error {code}" if code else type(error).__name__
