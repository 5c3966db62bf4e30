"""Follows the list of suppressed plates outside Faust.

The list is short and kept forever, so every start reads all of it. A process that could not read it, or no longer can,
must not go on as if nobody were on it.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from confluent_kafka import KafkaError, Message

from platestream.clock import Clock
from platestream.errors import IntegrityError, TransientError
from platestream.settings import KafkaSettings, Settings
from schemas.codec import Codec
from streams.following import Following
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import load_suppression_key
from streams.suppressions.writing import TOPIC

_LOST = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError.UNKNOWN_TOPIC_OR_PART}
_READY_SECONDS = 30.0
_OPTIONS = {"auto.offset.reset": "error", "enable.partition.eof": True, "fetch.wait.max.ms": 50}


class SuppressionFollower:
    """Keeps `plates` as the topic says, from its first message on.

    `wait_ready` before the first read is handled; `check_sound` before each batch.
    """

    def __init__(self, kafka: KafkaSettings, plates: SuppressedPlates, topic: str = TOPIC) -> None:
        self.plates, self._topic = plates, topic
        self._fault: Exception | None = None
        self._is_at_end = threading.Event()
        self._following = Following(
            kafka, topic, name="suppressions-follower", options=_OPTIONS, take=self._take, stopped=self._stop
        )

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return once the end of the topic was reached. Raises TransientError past the timeout, else as check_sound."""
        reached = self._is_at_end.wait(timeout_seconds)
        self.check_sound()
        if not reached:
            raise TransientError(f"{self._topic} could not be read to its end in {timeout_seconds:.0f} s.")

    def check_sound(self) -> None:
        """Raises IntegrityError when the list cannot be followed."""
        if self._fault is not None:
            raise IntegrityError(f"{self._topic} cannot be followed: {self._fault} Stop.") from self._fault

    def close(self) -> None:
        self._following.close()

    def _stop(self, error: Exception) -> None:
        self._fault = error
        self._is_at_end.set()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self.plates.apply(message.key(), message.value())
        elif error.code() == KafkaError._PARTITION_EOF:
            self._is_at_end.set()
        elif error.code() in _LOST:
            raise IntegrityError("the topic was cut, emptied or made anew.")


@contextmanager
def following_suppressions(settings: Settings, codec: Codec, clock: Clock) -> Iterator[SuppressionFollower]:
    """Follows the list from here on, read to its end. Raises ConfigError without its key, else as `wait_ready`."""
    plates = SuppressedPlates(codec, load_suppression_key(settings), clock)
    with closing(SuppressionFollower(settings.kafka, plates)) as follower:
        follower.wait_ready(_READY_SECONDS)
        yield follower
