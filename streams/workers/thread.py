"""The thread of a worker's Kafka client: it keeps the membership of the group, and fetches."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from platestream.ending import end_process
from streams.chunks.fetching import Fetching
from streams.chunks.places import Places
from streams.chunks.wire import Gathering

# A chunk costs the same, whatever is in it: with fewer of them a read waits a little for others, and nothing waits for
# a busy processor.
_GATHERING = Gathering(least_bytes=16_384, longest_milliseconds=2, most_bytes_of_a_partition=4 * 1024 * 1024)
_ANSWER_SECONDS = 5.0


class Thread(stock.AIOKafkaConsumerThread):
    """The stock thread, whose consumer fetches nothing: what is fetched is in `places`, without aborted records."""

    _fetching: Fetching | None = None
    _filling: asyncio.Task[None] | None = None

    def __init__(self, consumer: Any, places: Places, **options: Any) -> None:
        self._places = places
        super().__init__(consumer, **options)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self._fetching = Fetching(self._ensure_consumer(), _GATHERING)
        self._filling = asyncio.create_task(self._fill(self._fetching))

    async def on_thread_stop(self) -> None:
        if self._filling:
            self._filling.cancel()
        await super().on_thread_stop()

    async def _fill(self, fetching: Fetching) -> None:
        try:
            await fetching.fill(self._places)
        except Exception as error:
            end_process(error)

    def note_use(self) -> None:
        """Else the consumer counts as stuck after a while, and leaves the group."""
        self._ensure_consumer()._subscription._last_fetch_ended = time.monotonic()

    def fetch_more(self) -> None:
        """Look for what there is to fetch. May be called on any thread."""
        if self._fetching:
            with suppress(RuntimeError):  # the thread has ended, as it does before the app has
                self.thread_loop.call_soon_threadsafe(self._fetching.wake)

    async def offsets(self, tps: set[TP]) -> dict[TP, tuple[int, int]]:
        """First and next offset of partitions. Raises TimeoutError or KafkaError when the broker does not answer."""
        found: dict[TP, tuple[int, int]] = await self.call_thread(self._offsets, tps)
        return found

    async def _offsets(self, tps: set[TP]) -> dict[TP, tuple[int, int]]:
        consumer = self._ensure_consumer()
        async with asyncio.timeout(_ANSWER_SECONDS):
            starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return {tp: (starts[tp], ends[tp]) for tp in tps}
