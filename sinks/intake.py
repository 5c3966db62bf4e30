"""Takes messages off a topic and commits them once they are kept. Every sink stands on it.

Delivery is at least once: what was taken is committed after it was kept, and taken again after a crash in between.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from typing import TypeVar

from confluent_kafka import Consumer, TopicPartition
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from platestream.errors import TransientError
from platestream.metrics import PAUSED
from platestream.settings import KafkaSettings
from sinks.taken import Message, Taken, taken_of
from streams.chunks.member import Member
from streams.clients import consumer

_TIMEOUT_SECONDS = 30
_TURN_SECONDS = 0.5
_SLOW_SECONDS = 10

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - not an error: the process was told to end
    """The process is to end while something was tried again; nothing of it was committed."""


class Intake:
    """Reads `topic` as member of `group`, as streams/chunks/member.py does and with its errors.

    That a store is slow is said after `slow_seconds`.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        group: str,
        instance: str | None = None,
        slow_seconds: float = _SLOW_SECONDS,
    ) -> None:
        self.topic = topic
        self._kafka, self._group, self._slow_seconds = kafka, group, slow_seconds
        self._member = Member(kafka, topic, group, instance)
        self._rest: Taken | None = None
        self._paused_at: float | None = None

    def take(self, most: int, seconds: float) -> Taken | None:
        """At most `most` messages of one partition, as soon as there are any within `seconds`.

        Raises IntegrityError when the log does not hold what comes next, ConfigError when the topic is missing or
        closed to this user, TransientError when Kafka fails for good.
        """
        taken = self._rest
        if taken is None and (chunk := self._member.next_chunk(seconds)):
            taken = taken_of(chunk, self._member.waiting(chunk))
        if taken is not None:
            taken, self._rest = taken.split(most)
        return taken

    def take_again(self, places: Sequence[tuple[tuple[int, int], str]]) -> list[tuple[Message, str]]:
        """The messages at these partitions and offsets, each with what was said of it; none of them is committed yet.

        Raises TransientError when Kafka does not give one of them.
        """
        if not places:
            return []
        with closing(consumer(self._kafka, self._group, **{"auto.offset.reset": "error"})) as again:
            return [(self._one(again, *place), reason) for place, reason in places]

    def _one(self, again: Consumer, partition: int, offset: int) -> Message:
        again.assign([TopicPartition(self.topic, partition, offset)])
        message = again.poll(_TIMEOUT_SECONDS)
        if message is None or message.error() or message.offset() != offset:
            raise TransientError(f"{self.topic}[{partition}]@{offset} could not be taken again.")
        return Message(self.topic, partition, offset, message.key(), message.value())

    def commit(self, ends: Mapping[int, int]) -> None:
        """Commit what follows the last offsets in `ends`, by partition. Raises TransientError as `take`."""
        self._member.commit({partition: end + 1 for partition, end in ends.items()})

    def persist(self, action: Callable[[], T], errors: type[Exception], seconds: float, turn: Callable[[], bool]) -> T:
        """Try `action` until it no longer raises `errors`.

        `turn` is called about twice a second and says whether to go on. Raises Stopped when it says no, and the last
        error after `seconds`.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(errors),
            wait=wait_exponential(multiplier=0.2, max=15),
            stop=stop_after_delay(seconds),
            sleep=lambda pause: self._wait(float(pause), turn),
            before_sleep=self._say,
            reraise=True,
        )
        try:
            return retrying(action)
        finally:
            self._go_on()

    def wait_for(self, work: Future[None], turn: Callable[[], bool]) -> None:
        """Wait for work however long it takes, and say so when that is long.

        `turn` is called about twice a second; its answer changes nothing, for the work is in hand already.
        """
        started = time.monotonic()
        while not wait([work], _TURN_SECONDS).done:
            turn()
            if time.monotonic() - started > self._slow_seconds:
                self._pause()
        self._go_on()

    def close(self) -> None:
        self._member.close()

    def _wait(self, seconds: float, turn: Callable[[], bool]) -> None:
        self._pause()
        while seconds > 0:
            if not turn():
                raise Stopped
            step = min(seconds, _TURN_SECONDS)
            time.sleep(step)
            seconds -= step

    def _pause(self) -> None:
        if self._paused_at is None:
            _log.warning("%s: paused, the store is slow or away; what comes waits on Kafka", self.topic)
            self._paused_at = time.monotonic()
            PAUSED.labels(self.topic).set(1)

    def _go_on(self) -> None:
        if self._paused_at is not None:
            _log.warning("%s: goes on after %.0f s", self.topic, time.monotonic() - self._paused_at)
            self._paused_at = None
            PAUSED.labels(self.topic).set(0)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.warning(
            "%s: attempt %d failed (%s); trying again in %.1f s",
            self.topic, state.attempt_number, type(error).__name__, state.upcoming_sleep,
        )  # fmt: skip
