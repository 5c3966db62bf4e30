"""The thread of a worker's Kafka consumer: it keeps the membership of the group, and positions."""

import asyncio
import logging
import time
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from streams.chunks.wire import Fetched

_ANSWER_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Thread(stock.AIOKafkaConsumerThread):
    """The stock thread, whose consumer fetches nothing. The end of a partition is behind what was committed."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        _fetch_nothing(self._ensure_consumer()._fetcher)

    def note_use(self) -> None:
        """Else the consumer counts as stuck after a while, and leaves the group."""
        self._ensure_consumer()._subscription._last_fetch_ended = time.monotonic()

    def note_fetched(self, fetched: Fetched, next_offset: int) -> None:
        """What Faust asks the consumer for: position and end of a partition, and when it was heard of."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription and subscription.assignment
        if assignment and fetched.tp in assignment.tps:
            state = assignment.state_value(fetched.tp)
            state.highwater, state.timestamp = fetched.end, int(time.time() * 1000)
            if state.has_valid_position:
                state.consumed_to(next_offset)

    async def check_membership(self) -> None:
        """Raises what the membership of the group ended with, if it did."""
        await self.call_thread(self._check_membership)

    async def _check_membership(self) -> None:
        """aiokafka tells it to who waits for its fetcher, and nobody does."""
        try:
            self._ensure_consumer()._coordinator.check_errors()
        except KafkaError as error:
            if not error.retriable:
                raise
            _log.warning("The group's coordinator: %s", type(error).__name__)

    async def offsets(self, tps: set[TP]) -> dict[TP, tuple[int, int]]:
        """First and next offset of partitions. Raises TimeoutError or KafkaError when the broker does not answer."""
        found: dict[TP, tuple[int, int]] = await self.call_thread(self._offsets, tps)
        return found

    async def _offsets(self, tps: set[TP]) -> dict[TP, tuple[int, int]]:
        consumer = self._ensure_consumer()
        async with asyncio.timeout(_ANSWER_SECONDS):
            starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return {tp: (starts[tp], ends[tp]) for tp in tps}


def _fetch_nothing(fetcher: Any) -> None:
    """It goes on to look after positions."""
    actions = fetcher._get_actions_per_node

    def without_fetches(assignment: Any) -> tuple[Any, ...]:
        _, *others = actions(assignment)
        return [], *others

    fetcher._get_actions_per_node = without_fetches
