"""Replays the ledger topic into memory, from its first event and then as it grows.

Nobody writes to the ledger with transactions, so its offsets have no holes; a hole, or a log that does not start at 0,
is lost history.
"""

import threading
from typing import Generic

from confluent_kafka import KafkaError, Message

from platestream.errors import IntegrityError, InvalidMessage, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.following import Following
from streams.ledger.ledger import Fold, History, S
from streams.tail import end_offset

_LOST = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
_DAMAGED = {KafkaError._BAD_MSG, KafkaError._NOT_IMPLEMENTED}  # a checksum that disagrees, a frame of no known version
_OPTIONS = {
    "check.crcs": True,
    "auto.offset.reset": "error",
    "reconnect.backoff.max.ms": 1000,
    "fetch.error.backoff.ms": 50,
}


class LedgerFollower(Generic[S]):
    """Holds the state of a fold over the ledger. A thread of its own takes the events in order."""

    def __init__(
        self, kafka: KafkaSettings, codec: Codec, fold: Fold[S], initial: S, *, topic: str, timeout_seconds: float
    ) -> None:
        self._kafka, self._codec, self._topic, self._timeout_seconds = kafka, codec, topic, timeout_seconds
        self._history = History(fold, initial)
        self._moved = threading.Condition()
        self._fault: IntegrityError | None = None
        self._following = Following(
            kafka, topic, name="ledger-follower", options=_OPTIONS, take=self._take, stopped=self._stop
        )

    def state_at(self, offset: int) -> S:
        """The state after exactly the events up to and including `offset`.

        Raises TransientError when that is not reached in time, IntegrityError when history is lost or unreadable.
        """
        with self._moved:
            self._moved.wait_for(lambda: self._is_done(offset), self._timeout_seconds)
            return self._state(offset)

    def state_at_end(self) -> S:
        """The state after all events now in the topic. Waits as long as the replay moves on; raises as `state_at`."""
        end, before = self.end(), -2
        with self._moved:
            while not self._is_done(end) and self._history.position > before:
                before = self._history.position
                self._moved.wait_for(lambda: self._is_done(end), self._timeout_seconds)
            return self._state(end)

    def latest(self) -> S:
        """The state after what was followed until now; asks nobody. Raises IntegrityError as `check_sound`."""
        self.check_sound()
        with self._moved:
            return self._history.latest

    def end(self) -> int:
        """Offset of the last event in the topic, -1 when it is empty. Raises TransientError."""
        return end_offset(self._kafka, self._topic, 0, timeout_seconds=self._timeout_seconds) - 1

    def check_sound(self) -> None:
        """Raises IntegrityError once the replay had to stop."""
        if self._fault is not None:
            raise IntegrityError(str(self._fault)) from self._fault

    def close(self) -> None:
        self._following.close()

    def _is_done(self, offset: int) -> bool:
        return self._fault is not None or self._history.position >= offset

    def _state(self, offset: int) -> S:
        self.check_sound()
        if self._history.position < offset:
            raise TransientError(f"The ledger's replay did not reach offset {offset} in time.")
        state = self._history.at(offset)
        if state is None:
            raise TransientError(f"Offset {offset} of the ledger is too long ago to decide on; ask again.")
        return state

    def _stop(self, error: Exception) -> None:
        """Also a fold that fails must not leave a state that looks sound."""
        fault = error
        if not isinstance(fault, IntegrityError):
            fault = IntegrityError(f"The replay of the ledger failed with {type(error).__name__}. Stop and report it.")
            fault.__cause__ = error
        with self._moved:
            self._fault = fault
            self._moved.notify_all()

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            if error.code() in _LOST:
                raise IntegrityError(
                    f"{self._topic}[0] does not hold the events asked for: it was cut, emptied or made anew. Stop, "
                    "keep the disks, and compare the topic with its copy."
                )
            if error.code() in _DAMAGED:
                raise IntegrityError(
                    f"{self._topic}[0] holds bytes that were changed behind event {self._history.position}. Stop, keep "
                    "the disks, and run `platestream ledger verify`."
                )
            return  # the broker is away: librdkafka goes on asking
        event = self._decode(message)
        with self._moved:
            self._history.take(int(message.offset() or 0), event)
            self._moved.notify_all()

    def _decode(self, message: Message) -> LedgerEvent:
        where = f"{self._topic}[0]@{message.offset()}"
        try:
            event = self._codec.decode(message.value())
        except InvalidMessage as error:
            raise IntegrityError(f"{where} cannot be read ({error.reason}). Stop and find out who wrote it.") from error
        if not isinstance(event, LedgerEvent):
            raise IntegrityError(f"{where} is no ledger event. Stop and find out who wrote it.")
        return event
