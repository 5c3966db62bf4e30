"""A member of a consumer group that gives chunks to a program without an event loop.

aiokafka's consumer works on a thread of its own: it fetches ahead and keeps its membership while nothing is asked.
A group never skips: where nothing was committed it starts at the log's start and says so, and where the log no longer
holds what comes next, data was lost and the process ends.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential

from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.settings import KafkaSettings
from streams.chunks.chunk import Chunk, give_chunks
from streams.clients import asyncio_consumer

_TIMEOUT_SECONDS = 30
_MORE_SECONDS = 0.2
_OPTIONS = {
    "auto_offset_reset": "none",
    "isolation_level": "read_committed",
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "max_poll_interval_ms": 3_600_000,  # whether the process is alive is asked elsewhere
}

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Member:
    """Reads `topic` as member of `group`; `instance` names one that comes back under the same name at once.

    What is fetched ahead takes 4 MiB a partition, or one batch. Raises ConfigError when the topic is missing or closed
    to this user, TransientError when Kafka does not answer.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, group: str, instance: str | None = None) -> None:
        self._topic = topic
        self._seen_at = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=f"member-{topic}", daemon=True)
        self._thread.start()
        try:
            self._consumer = self._do(self._join(kafka, group, instance))
        except BaseException:
            self._end()
            raise

    def next_chunk(self, seconds: float) -> Chunk | None:
        """What comes next, of any partition, if it comes within `seconds`.

        Raises IntegrityError when the log does not hold it, ConfigError when the topic is missing or closed to this
        user, TransientError when Kafka fails for good.
        """
        with self._faults():
            return self._do(self._next_chunk(seconds))
        return None  # after a passing fault

    def waiting(self, chunk: Chunk) -> int:
        """How many messages there were behind a chunk when it was fetched."""
        with suppress(AssertionError):  # its partition has another member now
            return (self._consumer.highwater(chunk.tp) or 0) - chunk.last_offset - 1
        return 0

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the offsets to go on from, by partition; those of partitions that others have now are left out.

        What Kafka could not take now is made up for by the next commit. Raises TransientError when it never can.
        """
        with self._faults():
            self._do(self._commit({TopicPartition(self._topic, number): offset for number, offset in offsets.items()}))

    def close(self) -> None:
        """Leave the group, unless as a named instance."""
        try:
            self._do(_leave(self._consumer))
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _join(self, kafka: KafkaSettings, group: str, instance: str | None) -> AIOKafkaConsumer:
        member = asyncio_consumer(kafka, group, group_instance_id=instance, **_OPTIONS)
        try:
            await _start(member)
            if self._topic not in await member.topics():
                raise self._missing()
        except BaseException as error:
            await _leave(member)
            if isinstance(error, KafkaError):
                raise TransientError(f"Kafka does not answer for {self._topic}: {type(error).__name__}.") from None
            raise
        give_chunks(member)
        member.subscribe([self._topic])
        return member

    async def _next_chunk(self, seconds: float) -> Chunk | None:
        found: dict[TopicPartition, list[Chunk]] = {}
        try:
            async with asyncio.timeout(seconds + _MORE_SECONDS):  # aiokafka waits for a rebalance without an end
                found = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=1)
        except TimeoutError:
            pass
        except NoOffsetForPartitionError as error:
            await self._start_anew(error.args[0])
        self._check_topic()
        return next((chunk for [chunk] in found.values()), None)

    async def _start_anew(self, partition: TopicPartition) -> None:
        """A first start is committed at once, so that no later gap can hide in it."""
        start = (await self._consumer.beginning_offsets([partition]))[partition]
        self._consumer.seek(partition, start)
        _log.info("%s[%d]: first start, at offset %d", self._topic, partition.partition, start)
        await self._commit({partition: start})

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        assigned = self._consumer.assignment()
        ours = {partition: offset for partition, offset in offsets.items() if partition in assigned}
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._consumer.commit(ours)
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            _log.warning("%s: offsets are not committed yet: %s", self._topic, type(error).__name__)

    def _check_topic(self) -> None:
        if self._consumer.partitions_for_topic(self._topic):
            self._seen_at = time.monotonic()
        elif time.monotonic() - self._seen_at > _TIMEOUT_SECONDS:
            raise self._missing()

    def _missing(self) -> ConfigError:
        return ConfigError(f"Topic {self._topic} is missing; create it with `platestream topics create`.")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Passing ones are only said: aiokafka goes on by itself."""
        try:
            yield
        except OffsetOutOfRangeError as error:
            places = ", ".join(f"{self._topic}[{partition.partition}]" for partition in error.args[0])
            raise IntegrityError(
                f"{places} no longer holds what comes next for this group: messages were lost. Find out what deleted "
                "them; then commit an offset the log holds with Kafka's own tools."
            ) from None
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
            raise ConfigError(
                f"Kafka does not let this user read {self._topic}; grant it READ on topic and group."
            ) from None
        except KafkaError as error:
            if not error.retriable:
                raise TransientError(f"Reading {self._topic} failed: {type(error).__name__}.") from error
            _log.warning("%s: %s", self._topic, type(error).__name__)


async def _start(member: AIOKafkaConsumer) -> None:
    """Raises KafkaError when Kafka stays away."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, KafkaError) and error.retriable),
        wait=wait_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(_TIMEOUT_SECONDS),
        reraise=True,
    )
    await retrying(member.start)


async def _leave(member: AIOKafkaConsumer) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await member.stop()
