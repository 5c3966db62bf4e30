"""Step 4, matched: what chunks led to leaves, its hits placed in the passages of their cars.

What has been handed over is the passages' state at once, and the next hits are placed by it: it leaves in that order,
without a gap, and where the broker does not take it the process ends. So alerts and state cannot disagree.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from platestream.clock import Clock
from platestream.ending import end_process
from processors.matching.outlet import PORTION, Outlet, Portion
from processors.passages.log import PassageLog
from processors.passages.passages import Draft, Passages
from schemas.messages import Alert
from streams.workers.turns import Turns

_MOST_CHUNKS = 64  # not yet acknowledged, though little comes of them: their bytes are kept


class Sender:
    """`generation` is that of the consumer group: with each, the passages are read back from the alerts log."""

    def __init__(self, log: PassageLog, outlet: Outlet, clock: Clock, generation: Callable[[], int]) -> None:
        self._log = log
        self._outlet = outlet
        self._clock = clock
        self._generation = generation
        self._turn = asyncio.Lock()  # one that outlives its agent is handed over before the next
        self._last: asyncio.Task[None] | None = None  # of what is on its way
        self._on_their_way = 0  # alerts and dead letters
        self._chunks = 0  # that are not acknowledged yet

    async def send(self, portion: Portion, event: Any) -> None:
        """Returns when all is handed over. `event` is that of the chunk whose last portion it is, or None.

        A chunk is acknowledged when the broker has acknowledged all that it led to. Raises like PassageLog.passages,
        and TransientError when Kafka refuses.
        """
        async with self._turn:
            if self._on_their_way + len(portion) > PORTION or self._chunks == _MOST_CHUNKS:
                await self._all_settled()
            delivered = await self._hand_over(portion) if len(portion) else None
            if delivered or self._is_on_its_way():
                self._on_their_way += len(portion)
                self._chunks += event is not None
                self._last = asyncio.create_task(self._settle(self._last, delivered, len(portion), event))
            elif event is not None:
                event.ack()

    async def _hand_over(self, portion: Portion) -> Coroutine[Any, Any, None]:
        draft = Draft(await self._passages(portion.tp.partition))
        turns, placed = Turns(), list[Alert]()
        for read in portion.raised:
            placed += draft.place(read.alerts, read.offset)
            await turns.give()
        packed = await self._outlet.pack(placed)
        delivered = self._outlet.hand_over(portion.letters, placed, packed, portion.tp.partition)
        draft.merge()
        return delivered

    async def _passages(self, partition: int) -> Passages:
        generation = self._generation()
        if not self._log.is_of(generation):
            await self._all_settled()  # what is on its way must be on the log that is read back
        return await self._log.passages(partition, generation, self._clock.now())

    def _is_on_its_way(self) -> bool:
        return self._last is not None and not self._last.done()

    async def _all_settled(self) -> None:
        if self._last:
            await asyncio.wait({self._last})  # a cancellation of the agent must not be one of what is on its way

    async def _settle(
        self, before: asyncio.Task[None] | None, delivered: Coroutine[Any, Any, None] | None, count: int, event: Any
    ) -> None:
        """Chunks are acknowledged in their order. Goes on when the agent is cancelled."""
        try:
            if before:
                await before
            if delivered:
                await delivered
        except Exception as error:
            end_process(error)
        self._on_their_way -= count
        self._chunks -= event is not None
        if event is not None:
            event.ack()
