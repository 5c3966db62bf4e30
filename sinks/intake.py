"""Takes messages off a topic in batches and commits them once they are kept. Every sink stands on it.

Delivery is at least once: a batch is committed after it was kept, and kept again after a crash in between. A group
never skips: where nothing was committed it starts at the log's start and says so, and where the log no longer holds
what comes next, data was lost and the process ends.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from functools import partial
from typing import Any, TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
)

from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.metrics import PAUSED
from platestream.settings import KafkaSettings
from streams.clients import consumer

_TIMEOUT_SECONDS = 30
_TURN_SECONDS = 0.5
_SLOW_SECONDS = 10
_OPTIONS = {"auto.offset.reset": "error", "fetch.queue.backoff.ms": 10, "queued.max.messages.kbytes": 64 * 1024}
_AWAY = {  # Kafka says so while a broker restarts or hands over; librdkafka goes on by itself
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._WAIT_COORD,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}
_NOT_OURS_NOW = {  # the group is being dealt out anew
    KafkaError._ASSIGNMENT_LOST,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
}

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - not an error: the process was told to end
    """The process is to end while something was tried again; nothing of it was committed."""


class Intake:
    """Reads `topic` as member of `group`. `instance` names a member that comes back under the same name at once.

    What is fetched ahead takes 64 MiB at most. Partitions are paused once a store has been slow for `slow_seconds`:
    a pause throws away what was fetched ahead, so it comes late. `options` are librdkafka's.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        group: str,
        instance: str | None = None,
        slow_seconds: float = _SLOW_SECONDS,
        **options: Any,
    ) -> None:
        member = {"group.instance.id": instance} if instance else {}
        self.topic = topic
        self._kafka, self._group, self._slow_seconds = kafka, group, slow_seconds
        self._consumer = consumer(kafka, group, **{**_OPTIONS, **member, **options})
        self._consumer.subscribe([topic], on_assign=self._start)
        self._early: list[Message] = []
        self._paused_at: float | None = None

    def take(self, most: int, seconds: float) -> list[Message]:
        """Messages that come within `seconds`, at most `most`.

        Raises IntegrityError when the log does not hold what comes next, ConfigError when the topic is missing or
        closed to this user, TransientError when Kafka fails for good.
        """
        early, self._early = self._early, []
        try:
            messages = early or self._consumer.consume(most, seconds)
        except KafkaException as error:
            raise TransientError(f"Consuming {self.topic} failed: {error.args[0].str()}.") from error
        if any(map(Message.error, messages)):
            messages = [message for message in messages if self._is_read(message)]
        return messages

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
        return message

    def commit(self, ends: Mapping[int, int]) -> None:
        """Commit what follows the last offsets in `ends`, by partition.

        A commit that Kafka could not take now is made up for by the next one.
        """
        ours = [partition.partition for partition in self._consumer.assignment() if partition.partition in ends]
        offsets = [TopicPartition(self.topic, partition, ends[partition] + 1) for partition in ours]
        if offsets:
            self._commit(offsets)

    def persist(self, action: Callable[[], T], errors: type[Exception], seconds: float, turn: Callable[[], bool]) -> T:
        """Try `action` until it no longer raises `errors`, keeping the group's membership alive in between.

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
            self._resume()

    def wait_for(self, work: Future[None], turn: Callable[[], bool]) -> None:
        """Wait for work however long it takes; when that is long, with partitions paused and membership kept alive.

        `turn` is called about twice a second; its answer changes nothing, for the work is in hand already.
        """
        started = time.monotonic()
        while not wait([work], _TURN_SECONDS).done:
            turn()
            if time.monotonic() - started > self._slow_seconds:
                self._pause(0)
        self._resume()

    def close(self) -> None:
        self._consumer.close()

    def _wait(self, seconds: float, turn: Callable[[], bool]) -> None:
        while seconds > 0:
            if not turn():
                raise Stopped
            step = min(seconds, _TURN_SECONDS)
            self._pause(step)
            seconds -= step

    def _pause(self, seconds: float) -> None:
        """Partitions are paused, so only one that was just assigned can bring a message; it is kept for later."""
        if self._paused_at is None:
            _log.warning("%s: paused, the store is slow or away; what comes waits on Kafka", self.topic)
            self._paused_at = time.monotonic()
            PAUSED.labels(self.topic).set(1)
        self._consumer.pause(self._consumer.assignment())
        self._early += self._consumer.consume(1, seconds)

    def _resume(self) -> None:
        if self._paused_at is not None:
            self._consumer.resume(self._consumer.assignment())
            _log.warning("%s: goes on after %.0f s", self.topic, time.monotonic() - self._paused_at)
            self._paused_at = None
            PAUSED.labels(self.topic).set(0)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.warning(
            "%s: attempt %d failed (%s); trying again in %.1f s",
            self.topic, state.attempt_number, type(error).__name__, state.upcoming_sleep,
        )  # fmt: skip

    def _start(self, member: Consumer, partitions: list[TopicPartition]) -> None:
        """Go on where the group left off. A first start is committed at once, so that no later gap can hide in it."""
        known = _while_away(lambda: member.committed(partitions, timeout=_TIMEOUT_SECONDS))
        fresh = [partition for partition in known if partition.offset < 0]
        for partition in fresh:
            partition.offset = _while_away(partial(_log_start, member, partition))
            _log.info("%s[%d]: first start, at offset %d", self.topic, partition.partition, partition.offset)
        member.assign(known)
        if fresh:
            self._commit(fresh)

    def _commit(self, offsets: list[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            fault = error.args[0]
            if fault.code() not in _NOT_OURS_NOW | _AWAY:
                raise TransientError(f"Committing {self.topic} failed: {fault.str()}.") from error
            _log.warning("%s: offsets are not committed yet: %s", self.topic, fault.name())

    def _is_read(self, message: Message) -> bool:
        """False for a passing fault."""
        error = message.error()
        if not error:
            return True
        place = f"{self.topic}[{message.partition()}]"
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise IntegrityError(
                f"{place} no longer holds what comes next for this group: messages were lost. Find out what deleted "
                "them; then commit an offset the log holds with Kafka's own tools."
            )
        if error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}:
            raise ConfigError(f"Topic {self.topic} is missing; create it with `platestream topics create`.")
        if error.code() in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}:
            raise ConfigError(f"Kafka does not let this user read {self.topic}; grant it READ on topic and group.")
        if error.fatal() or error.code() not in _AWAY:
            raise TransientError(f"Consuming {place} failed: {error.str()}.")
        _log.warning("%s: %s", place, error.name())
        return False


def partitions_of(messages: Iterable[Message]) -> Iterable[int]:
    """The partition of each message that was taken. Mapped, like the offsets, for there are many."""
    return cast("Iterable[int]", map(Message.partition, messages))


def offsets_of(messages: Iterable[Message]) -> Iterable[int]:
    """The offset of each message that was taken."""
    return cast("Iterable[int]", map(Message.offset, messages))


def _log_start(member: Consumer, partition: TopicPartition) -> int:
    start, _ = member.get_watermark_offsets(partition, timeout=_TIMEOUT_SECONDS)
    return int(start)


def _while_away(question: Callable[[], T]) -> T:
    """Ask Kafka until it is there. Raises KafkaException when it stays away."""
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, KafkaException) and error.args[0].code() in _AWAY),
        wait=wait_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(_TIMEOUT_SECONDS),
        reraise=True,
    )
    return retrying(question)
