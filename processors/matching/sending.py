"""Step 4, matched: what chunks led to leaves in rounds, its hits placed in the passages of their cars.

What the broker has acknowledged becomes the passages' state, and nothing else does: alerts and state cannot disagree.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from faust.types import TP

from platestream.clock import Clock
from platestream.ending import end_process
from processors.matching.outlet import PORTION, Outlet, Portion
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
        self._turn = asyncio.Lock()  # a round that outlives its agent is on the log before that is read back

    async def send(self, portions: Iterable[Portion]) -> None:
        """Portions of different partitions. Returns when the broker has acknowledged all.

        Raises like PassageLog.passages.
        """
        async with self._turn:
            await asyncio.gather(*[await self._begin(portion) for portion in portions])

    async def _begin(self, portion: Portion) -> Any:
        if not portion.raised:
            return self._outlet.bury(portion.letters)
        draft = Draft(await self._log.passages(portion.tp.partition, self._generation(), self._clock.now()))
        turns, placed = Turns(), list[Alert]()
        for read in portion.raised:
            placed += draft.place(read.alerts, read.offset)
            await turns.give()
        return self._finish(portion, placed, draft)

    async def _finish(self, portion: Portion, placed: list[Alert], draft: Draft) -> None:
        await self._outlet.bury(portion.letters)
        await self._outlet.raise_alerts(placed, portion.tp.partition)
        draft.merge()


class Rounds:
    """What comes while a round is on its way waits, and leaves as the next one.

    So a slow acknowledgement makes the next round larger; if each chunk had a round of its own, all behind it would be
    late until there is a pause.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._on_its_way: asyncio.Task[None] | None = None
        self._waiting: dict[TP, Portion] = {}
        self._events: list[Any] = []

    async def take(self, portion: Portion, event: Any) -> None:
        """Returns when there is room for it. `event` is that of the chunk whose last portion it is, or None.

        A chunk is acknowledged when all that it led to is.
        """
        while self._on_its_way and sum(map(len, self._waiting.values())) + len(portion) > PORTION:
            await asyncio.wait({self._on_its_way})  # a cancellation of the agent must not be one of the round
        if len(portion):
            self._waiting.setdefault(portion.tp, Portion(portion.tp)).join(portion)
        if event is not None:
            self._events.append(event)
        if not self._on_its_way:
            self._leave()

    def drop(self) -> None:
        """Forget what waits: it is not acknowledged, so it will be read again."""
        self._waiting, self._events = {}, []

    def _leave(self) -> None:
        portions, events = self._waiting.values(), self._events
        self.drop()
        if portions:
            self._on_its_way = asyncio.create_task(self._send(portions, events))
        else:
            _acknowledge(events)

    async def _send(self, portions: Iterable[Portion], events: list[Any]) -> None:
        """Goes on when the agent is cancelled."""
        try:
            await self._sender.send(portions)
            _acknowledge(events)
        except Exception as error:
            end_process(error)
        self._on_its_way = None
        self._leave()


def _acknowledge(events: Iterable[Any]) -> None:
    for event in events:
        event.ack()
