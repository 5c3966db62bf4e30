"""Fetches what Places has room for, each partition from its leader, one request after the other.

aiokafka's own fetcher costs 1 ms a fetch, in tasks and futures of which a steady flow needs none (decision 28). Its
client stays: it connects, authenticates, and knows the leaders. All is on the event loop of who takes: another thread
costs more than it does (decision 29).
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import (
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)

from streams.chunks.batch import FetchedRecords
from streams.chunks.chunk import chunks_of
from streams.chunks.connection import Connection, connect
from streams.chunks.places import Place, Places
from streams.chunks.wire import Fetched, Gathering, fetch_request, fetched_in

_LEADERS_SECONDS = 0.1
_RETRY_SECONDS = 0.1

_log = logging.getLogger(__name__)


class Fetching:
    """`note` is told of each answer, and of the offset that is fetched next."""

    def __init__(self, client: AIOKafkaClient, gathering: Gathering, note: Callable[[Fetched, int], object]) -> None:
        self._client = client
        self._gathering = gathering
        self._note = note
        self._numbers = itertools.count()  # of requests

    async def fill(self, places: Places) -> None:
        """Fetch until cancelled. The client has been started."""
        nodes = set[int]()
        async with asyncio.TaskGroup() as tasks:
            while True:
                for topic in {tp.topic for tp in places.partitions()}:
                    self._client.add_topic(topic)
                leaders = {self._leader(tp) for tp in places.partitions()}
                if leaders & {None, -1}:
                    self._client.force_metadata_update()
                for node in leaders - nodes - {None, -1}:
                    tasks.create_task(self._fetch_from(node, places))
                    nodes.add(node)
                await asyncio.sleep(_LEADERS_SECONDS)
                places.wanting.set()  # a partition may have another leader now

    def _leads(self, node: int, places: Places) -> bool:
        return any(self._leader(tp) == node for tp in places.partitions())

    def _leader(self, tp: TopicPartition) -> Any:
        return self._client.cluster.leader_for_partition(tp)

    async def _fetch_from(self, node: int, places: Places) -> None:
        while True:
            while not self._leads(node, places):  # a broker that is gone is not looked for
                await asyncio.sleep(_LEADERS_SECONDS)
            try:
                with closing(await connect(self._client, node)) as connection:
                    await self._fetch_by(connection, node, places)
            except KafkaError as error:
                _log.warning("Node %d does not answer: %s", node, type(error).__name__)
            self._client.force_metadata_update()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _fetch_by(self, connection: Connection, node: int, places: Places) -> None:
        while True:
            places.wanting.clear()
            due = {tp: place for tp, place in places.due().items() if self._leader(tp) == node}
            if not due:
                await places.wanting.wait()
            elif not await self._fetch(connection, due, places):
                self._client.force_metadata_update()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _fetch(self, connection: Connection, due: Mapping[TopicPartition, Place], places: Places) -> bool:
        """False when it must wait before it is tried again."""
        number, offsets = next(self._numbers), {tp: place.offset for tp, place in due.items()}
        answer = await connection.ask(fetch_request(number, offsets, self._gathering))
        is_well = True
        for fetched in fetched_in(answer, number):
            place = due[fetched.tp]
            if fetched.code != NoError.errno:
                is_well &= _fail(places, place, fetched)
            elif places.is_at(fetched.tp, place, offsets[fetched.tp]):  # else a seek or a new leader was faster
                _give(places, place, fetched)
                self._note(fetched, place.offset)
        return is_well


def _give(places: Places, place: Place, fetched: Fetched) -> None:
    if fetched.raw:
        records = PartitionRecords(
            fetched.tp, FetchedRecords(fetched.raw), fetched.aborted, place.offset, None, None, True, READ_COMMITTED
        )
        try:
            places.give(fetched.tp, place, list(chunks_of(records)), records.next_fetch_offset)
        except KafkaError as fault:
            places.fail(fetched.tp, place, fault)


def _fail(places: Places, place: Place, fetched: Fetched) -> bool:
    """False when it passes with time."""
    error, tp = for_code(fetched.code), fetched.tp
    if error is OffsetOutOfRangeError:
        places.fail(tp, place, error({tp: place.offset}))
    elif error is TopicAuthorizationFailedError:
        places.fail(tp, place, error(tp.topic))
    else:
        _log.warning("%s[%d] cannot be fetched: %s", tp.topic, tp.partition, error.__name__)
    return error in (OffsetOutOfRangeError, TopicAuthorizationFailedError)
