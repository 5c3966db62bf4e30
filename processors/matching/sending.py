"""Step 4, matched: portions leave one after the other, their hits placed in the passages of their cars.

What the broker has acknowledged becomes the passages' state, and nothing else does: alerts and state cannot disagree.
"""

import asyncio
from collections.abc import Callable

from platestream.clock import Clock
from processors.matching.outlet import Outlet, Portion
from processors.passages.log import PassageLog
from processors.passages.passages import Draft
from schemas.messages import Alert
from streams.workers.turns import Turns


class Sender:
    """`generation` is that of the consumer group: with each, the passages are read back from the alerts log."""

    def __init__(self, log: PassageLog, outlet: Outlet, clock: Clock, generation: Callable[[], int]) -> None:
        self._log = log
        self._outlet = outlet
        self._clock = clock
        self._generation = generation
        self._turn = asyncio.Lock()  # a portion that outlives its agent is on the log before that is read back

    async def send(self, portion: Portion) -> None:
        """Returns when the broker has acknowledged all of it. Raises like PassageLog.passages."""
        async with self._turn:
            await self._outlet.bury(portion.letters)
            if portion.raised:
                await self._place_and_raise(portion)

    async def _place_and_raise(self, portion: Portion) -> None:
        draft = Draft(await self._log.passages(portion.tp.partition, self._generation(), self._clock.now()))
        turns, placed = Turns(), list[Alert]()
        for read in portion.raised:
            placed += draft.place(read.alerts, read.offset)
            await turns.give()
        await self._outlet.raise_alerts(placed, portion.tp.partition)
        draft.merge()
