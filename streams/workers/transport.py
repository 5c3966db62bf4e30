"""Faust's Kafka driver, made safe for tables that follow a topic (streams/workers/table.py) and for logs that are cut.

The stock driver pauses partitions, clears queues and seeks while fetched messages are on their way through it. After a
rebalance it so skips updates of a table and messages of a source without a trace, and it takes messages that were
deleted before they were read for an ordinary gap. Here

1. updates of a table are applied where they are fetched, so that no queue can lose them, and before source messages;
   only the last of each fetch goes on, to tell Faust's recovery how far the table is;
2. after a rebalance a source partition is handed out only when every table has caught up with the end of its topic,
   from the committed offset (or the beginning), and while no earlier fetch is on its way;
3. messages deleted between the committed offset and the start of the log end the process.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from platestream.ending import end_process
from platestream.errors import IntegrityError
from streams.workers.table import FollowedTable

_FETCH_SECONDS = 0.05  # the longest wait of a fetch, and so for the next one to notice resumed partitions
_POLL_SECONDS = 0.02

_Records = dict[TP, list[Any]]


class Consumer(stock.Consumer):
    """See the module."""

    logger = logging.getLogger("faust.consumer")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._held: set[TP] = set()
        self._turn = asyncio.Lock()  # one fetch on its way, or positions being set; never both
        super().__init__(*args, **kwargs)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """One fetch, handed out message by message."""
        async with self._turn:
            async for tp, message in super().getmany(min(timeout, _FETCH_SECONDS)):
                yield tp, message

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> _Records:
        active = set(active_partitions or ())  # a copy: an empty set, seen later by the fetcher, means all partitions
        tables = {tp: table for tp, table in self._tables().items() if tp in active}
        updates = await self._fetch(set(tables), 0, tables) if tables else {}
        records = await self._fetch(active, 0 if updates else timeout, tables)
        return {**updates, **records}

    async def _fetch(self, tps: set[TP], timeout: float, tables: dict[TP, FollowedTable]) -> _Records:
        records: _Records = dict(await super()._getmany(tps, timeout))
        for tp in records.keys() & tables.keys():
            tables[tp].follow(records[tp])
            records[tp] = records[tp][-1:]
        return records

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Tables resume at once, sources after the recovery that asks for it has resumed the flow."""
        tables = {tp for tp in tps if self._is_changelog_tp(tp)}
        self._held |= set(tps) - tables
        super().resume_partitions(tables)

    def resume_flow(self) -> None:
        super().resume_flow()
        if self._held:
            held, self._held = self._held, set()
            self.add_future(self._release(held, self.app.consumer_generation_id))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._forget()
        await self.commit()  # the stock consumer forgets first what was acknowledged, and it would all be read again
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._forget()
        await super().on_partitions_assigned(assigned, generation_id)

    def _forget(self) -> None:
        """Nothing of the last assignment may resume a partition of the next."""
        self._held.clear()
        self._buffered_partitions.clear()

    async def _release(self, held: set[TP], generation: int) -> None:
        try:
            await self._catch_up_tables(generation)
            async with self._turn:
                if self._is_current(generation):
                    await self._place(held)
                if self._is_current(generation):
                    super().resume_partitions(held)
        except IllegalStateError:
            pass  # another rebalance takes partitions away; its own recovery comes here again

    def _is_current(self, generation: int) -> bool:
        return self.flow_active and generation == self.app.consumer_generation_id

    def _tables(self) -> dict[TP, FollowedTable]:
        tables = {table.changelog_topic_name: table for table in self.app.tables.values()}
        return {tp: tables[tp.topic] for tp in self.assignment() if tp.topic in tables}

    async def _catch_up_tables(self, generation: int) -> None:
        tables = self._tables()
        ends = await self.highwaters(*tables) if tables else {}
        for tp, table in tables.items():
            if table.next_offset > ends[tp]:
                end_process(IntegrityError(f"{_name(tp)} ends before what was read from it: it was replaced. Restart."))
            while table.next_offset < ends[tp] and self._is_current(generation):
                await asyncio.sleep(_POLL_SECONDS)

    async def _place(self, held: set[TP]) -> None:
        starts = await self.earliest_offsets(*held)
        committed = {tp: self._committed_offset[tp] for tp in held}
        for tp in held:
            _check_start(tp, committed[tp], starts[tp])
        await self.seek_wait({tp: committed[tp] or starts[tp] for tp in held})

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A gap in what is read: markers of the log itself, or a loss."""
        _check_start(tp, offset_from, (await self.earliest_offsets(tp))[tp])
        await super()._add_gap(tp, offset_from, offset_to)


class Transport(stock.Transport):
    """The stock transport with this module's consumer."""

    Consumer = Consumer


def _check_start(tp: TP, next_offset: int | None, start: int) -> None:
    if next_offset is not None and start > next_offset:
        end_process(
            IntegrityError(
                f"{_name(tp)} starts at {start}, but {next_offset} was to be read next: {start - next_offset} messages "
                "were deleted before they were processed. Find out why, then move the group's committed offset."
            )
        )


def _name(tp: TP) -> str:
    return f"{tp.topic}[{tp.partition}]"
