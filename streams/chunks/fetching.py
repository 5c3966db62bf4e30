"""Fetches what Places has room for, each partition from its leader, one request after the other.

aiokafka's own fetcher costs 1 ms a fetch, in tasks and futures of which a steady flow needs none (decision 28). Its
client stays: it connects, authenticates, knows the leaders, and packs and unpacks what is sent.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest

from streams.chunks.batch import FetchedRecords
from streams.chunks.chunk import chunks_of
from streams.chunks.connection import Connection, connect
from streams.chunks.places import Place, Places

_ANSWER_BYTES = 50 * 1024 * 1024
_LEADERS_SECONDS = 0.1
_RETRY_SECONDS = 0.1
_PREFERRED_REPLICA_FROM = 11  # the version of answers since which it stands before the records
_ABORTED_FROM_LAST = {True: -3, False: -2}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """The broker answers when it has `least_bytes`, or after `longest_milliseconds`."""

    least_bytes: int
    longest_milliseconds: int
    most_bytes_of_a_partition: int


class Fetching:
    """Made and used on the event loop of `consumer`, whose own fetcher fetches nothing any more."""

    def __init__(self, consumer: AIOKafkaConsumer, gathering: Gathering) -> None:
        self._client = consumer._client
        self._subscription = consumer._subscription
        self._gathering = gathering
        self._is_due = asyncio.Event()
        _fetch_nothing(consumer)

    def wake(self) -> None:
        """There may be more to fetch."""
        self._is_due.set()

    async def fill(self, places: Places) -> None:
        """Fetch until cancelled."""
        nodes = set[int]()
        async with asyncio.TaskGroup() as tasks:
            while True:
                leaders = {self._leader(tp) for tp in places.partitions()}
                if leaders & {None, -1}:
                    self._client.force_metadata_update()
                for node in leaders - nodes - {None, -1}:
                    tasks.create_task(self._fetch_from(node, places))
                    nodes.add(node)
                await asyncio.sleep(_LEADERS_SECONDS)
                self.wake()  # a partition may have another leader now

    def _leader(self, tp: TopicPartition) -> Any:
        return self._client.cluster.leader_for_partition(tp)

    async def _fetch_from(self, node: int, places: Places) -> None:
        while True:
            try:
                connection = await connect(self._client, node)
                await self._fetch_by(connection, node, places)
            except KafkaError as error:
                _log.warning("Node %d does not answer: %s", node, type(error).__name__)
            self._client.force_metadata_update()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _fetch_by(self, connection: Connection, node: int, places: Places) -> None:
        while True:
            self._is_due.clear()
            due = {tp: place for tp, place in places.due().items() if self._leader(tp) == node}
            if not due:
                await self._is_due.wait()
            elif not await self._fetch(connection, due, places):
                self._client.force_metadata_update()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _fetch(self, connection: Connection, due: Mapping[TopicPartition, Place], places: Places) -> bool:
        """False when it must wait before it is tried again."""
        answer = await connection.ask(self._request(due))
        aborted = _ABORTED_FROM_LAST[answer.API_VERSION >= _PREFERRED_REPLICA_FROM]
        is_well = True
        for topic, partitions in answer.topics:
            for number, code, end, *others in partitions:
                tp = TopicPartition(topic, number)
                if code == NoError.errno:
                    self._note(tp, end)
                    _give(places, tp, due[tp], others[-1], others[aborted])
                else:
                    is_well &= _fail(places, tp, due[tp], code)
        return is_well

    def _request(self, due: Mapping[TopicPartition, Place]) -> FetchRequest:
        topics, gathering = defaultdict[str, list[tuple[int, int, int]]](list), self._gathering
        for tp, place in due.items():
            topics[tp.topic].append((tp.partition, place.offset, gathering.most_bytes_of_a_partition))
        return FetchRequest(
            gathering.longest_milliseconds,
            gathering.least_bytes,
            _ANSWER_BYTES,
            READ_COMMITTED,
            list(topics.items()),
            rack_id="",
        )

    def _note(self, tp: TopicPartition, end: int) -> None:
        """What aiokafka's consumer is asked for: the end of a partition, and when it was heard of."""
        assignment = self._subscription.subscription and self._subscription.subscription.assignment
        if assignment and tp in assignment.tps:
            state = assignment.state_value(tp)
            state.highwater, state.timestamp = end, int(time.time() * 1000)


def _give(places: Places, tp: TopicPartition, place: Place, raw: bytes, aborted: Any) -> None:
    if raw:
        fetched = PartitionRecords(tp, FetchedRecords(raw), aborted, place.offset, None, None, True, READ_COMMITTED)
        try:
            places.give(tp, place, list(chunks_of(fetched)), fetched.next_fetch_offset)
        except CorruptRecordException as fault:
            places.fail(tp, place, fault)


def _fail(places: Places, tp: TopicPartition, place: Place, code: int) -> bool:
    """False when it passes with time."""
    error = for_code(code)
    if error is OffsetOutOfRangeError:
        places.fail(tp, place, error({tp: place.offset}))
    elif error is TopicAuthorizationFailedError:
        places.fail(tp, place, error(tp.topic))
    else:
        _log.warning("%s[%d] cannot be fetched: %s", tp.topic, tp.partition, error.__name__)
    return error in (OffsetOutOfRangeError, TopicAuthorizationFailedError)


def _fetch_nothing(consumer: AIOKafkaConsumer) -> None:
    """Its fetcher goes on to look after positions."""
    fetcher = consumer._fetcher
    actions = fetcher._get_actions_per_node

    def without_fetches(assignment: Any) -> tuple[Any, ...]:
        _, *others = actions(assignment)
        return [], *others

    fetcher._get_actions_per_node = without_fetches
