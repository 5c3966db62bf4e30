"""Faust's Kafka driver, made fast (streams/chunks/chunk.py) and safe for tables that follow a topic (table.py).

What is fetched of a partition goes on as chunks, one message each, instead of record by record. And the stock driver
pauses partitions, clears queues and seeks while fetched messages are on their way through it: after a rebalance it so
skips updates of a table and messages of a source without a trace, and it takes messages that were deleted before they
were read for an ordinary gap. Here

1. updates of a table are applied where they are fetched, so that no queue can lose them, and before source messages;
   only the last chunk of each fetch goes on, to tell Faust's recovery how far the table is;
2. after a rebalance a source partition is handed out only when every table has caught up with the end of its topic,
   from the committed offset (or the beginning), and while no earlier fetch is on its way;
3. chunks of a source follow each other without a gap: messages deleted between the committed offset and the start of
   the log, or skipped in any other way, end the process;
4. sources wait while a table is not known to be current (streams/workers/freshness.py).
"""

import asyncio
import gc
import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode import Service

from platestream.ending import end_process
from platestream.errors import IntegrityError
from streams.chunks.chunk import Chunk
from streams.chunks.fetching import Fetching
from streams.chunks.places import Places
from streams.chunks.signatures import check_signatures
from streams.chunks.wire import Gathering
from streams.workers.freshness import Freshness
from streams.workers.signatures import EXPECTED
from streams.workers.table import FollowedTable
from streams.workers.thread import Thread

# A chunk costs the same, whatever is in it: with fewer of them a read waits a little for others, and nothing waits for
# a busy processor.
_GATHERING = Gathering(least_bytes=16_384, longest_milliseconds=2, most_bytes_of_a_partition=4 * 1024 * 1024)
_WAIT_SECONDS = 0.05  # at most for something to arrive, and so to notice partitions that were resumed
_FULL_SECONDS = 0.002  # the same while an agent has enough to do: it must not wait for the next chunk
# Handed out at once: an agent's queue says that it is full before they no longer fit, because a table's updates must
# not wait behind reads.
_MOST_CHUNKS = 2
_POLL_SECONDS = 0.02
_YOUNG_OBJECTS = 5_000  # looked at in 4 ms
_WATCH_SECONDS = 1.0

check_signatures(EXPECTED)


class Consumer(stock.Consumer):
    """See the module."""

    logger = logging.getLogger("faust.consumer")
    _thread: Thread
    transport: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._freshness = Freshness(args[0].table_silence_seconds)
        self._held: set[TP] = set()
        self._freezes_left = 2
        self._places = Places()
        self._turn = asyncio.Lock()  # chunks on their way to agents, or positions being set; never both
        self._next: dict[TP, int] = {}  # of a source: the offset to be handed out next
        self._handed_out: defaultdict[TP, deque[int]] = defaultdict(deque)  # last offsets of chunks, in order
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _fetch(self) -> None:
        conf = self.app.conf
        client = AIOKafkaClient(
            bootstrap_servers=stock.server_list(self.transport.url, self.transport.default_port),
            client_id=conf.broker_client_id,
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            **stock.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )
        try:
            await client.bootstrap()
            await Fetching(client, _GATHERING, self._thread.note_fetched).fill(self._places)
        except Exception as error:
            end_process(error)
        finally:
            await client.close()

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand out what is fetched. The stock loop takes a task and some turns of the event loop for each message."""
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # of mode, which takes any event
            async with self._turn:
                generation = self.app.consumer_generation_id
                for tp, chunk in await self._next_chunks():
                    if self._is_current(generation):
                        await self._hand_out(tp, chunk)

    async def _next_chunks(self) -> list[tuple[TP, Chunk]]:
        """What was fetched, updates of tables applied."""
        active, tables = self._get_active_partitions(), self._tables()
        is_late = bool(self.app.tables) and self._freshness.is_late()
        if is_late or len(tables) < len(self.app.tables) or self._buffered_partitions:
            active = active & tables.keys()
        chunks = await self._fetched(active & tables.keys(), active - tables.keys())
        for tp, table in tables.items():
            if tp in chunks:
                await table.follow(chunks[tp])
                chunks[tp] = chunks[tp][-1:]
        return [(tp, chunk) for tp, fetched in chunks.items() for chunk in fetched]

    async def _hand_out(self, tp: TP, chunk: Chunk) -> None:
        if not self._is_changelog_tp(tp):
            await self._follow_on(tp, chunk)
        if chunk.last_offset >= (self._read_offset[tp] or 0):
            await self.callback(self._to_message(tp, chunk))
            self._read_offset[tp] = chunk.last_offset

    async def _fetched(self, tables: set[TP], sources: set[TP]) -> dict[TP, list[Chunk]]:
        """What there is of tables and sources, or comes soon."""
        self._thread.note_use()
        try:
            if not (chunks := self._take(tables, sources)):
                await self._arrival(_FULL_SECONDS if self._buffered_partitions else _WAIT_SECONDS)
                chunks = self._take(tables, sources)
            return chunks
        except OffsetOutOfRangeError as error:
            await self._start_over(set(error.args[0]))
            return {}

    def _take(self, tables: set[TP], sources: set[TP]) -> dict[TP, list[Chunk]]:
        """A fault of a source waits until there is nothing of a table to lose by it."""
        chunks = self._places.take(tables, _MOST_CHUNKS)
        try:
            return chunks | self._places.take(sources, _MOST_CHUNKS)
        except Exception:
            if not chunks:
                raise
            return chunks

    async def _arrival(self, longest_seconds: float) -> None:
        self._places.holding.clear()
        timer = self.loop.call_later(longest_seconds, self._places.holding.set)
        try:
            await self._places.holding.wait()
        finally:
            timer.cancel()

    async def _start_over(self, lost: set[TP]) -> None:
        """Go on where the log starts now. Of a source that is no place to go on from, which _follow_on sees."""
        generation = self.app.consumer_generation_id
        offsets = await self._offsets_of(lost, generation)
        if self._is_current(generation):
            self._places.seek({tp: start for tp, (start, _) in offsets.items()})

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        await super().seek_wait(partitions)
        self._places.seek(partitions)

    async def _seek(self, partition: TP, offset: int) -> None:
        await super()._seek(partition, offset)
        self._places.seek({partition: offset})

    def _to_message(self, tp: TP, record: Chunk) -> Any:
        of_one_record = dict.fromkeys(("timestamp", "timestamp_type", "headers", "key", "checksum"))
        new_message: Any = ConsumerMessage  # a chunk is its value, though it holds bytes by its declaration
        return new_message(
            topic=tp.topic,
            partition=tp.partition,
            offset=record.last_offset,
            value=record,
            **of_one_record,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _follow_on(self, tp: TP, chunk: Chunk) -> None:
        """Hand out a chunk of a source only if it begins where the one before it ended."""
        expected = self._next.get(tp)
        if chunk.first_offset != expected:
            _check_start(tp, expected, (await self.earliest_offsets(tp))[tp])
            end_process(IntegrityError(f"{_name(tp)}@{chunk.first_offset} came instead of {expected}. Restart."))
        self._next[tp] = chunk.last_offset + 1
        self._handed_out[tp].append(chunk.last_offset)

    def _new_offset(self, tp: TP) -> int | None:
        """The offset to commit: behind the chunks that were acknowledged without one before them left."""
        self._acked.pop(tp, None)
        acked, handed_out, offset = self._acked_index[tp], self._handed_out[tp], None
        while handed_out and handed_out[0] in acked:
            offset = handed_out.popleft()
            acked.discard(offset)
        return None if offset is None else offset + 1

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
        while self._acked:  # the stock consumer forgets first what was acknowledged, and it would all be read again
            await self.commit()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._forget()
        self._freeze()
        await super().on_partitions_assigned(assigned, generation_id)

    def close(self) -> None:
        """What Faust asks for when a rebalance meets a stop. The stop goes on, and leaves the group by itself.

        The stock consumer closes its client here, and a commit on its way never ends.
        """

    def _forget(self) -> None:
        """Nothing of the last assignment may resume a partition of the next, or come to it."""
        self._places.clear()
        self._held.clear()
        self._buffered_partitions.clear()

    async def _release(self, held: set[TP], generation: int) -> None:
        try:
            await self._catch_up_tables(generation)
            self._freeze()
            async with self._turn:
                if self._is_current(generation):
                    await self._place(held)
                if self._is_current(generation):
                    super().resume_partitions(held)
        except IllegalStateError:
            pass  # another rebalance takes partitions away; its own recovery comes here again

    async def _offsets_of(self, tps: set[TP], generation: int) -> dict[TP, tuple[int, int]]:
        """Asks until there is an answer."""
        while tps and self._is_current(generation):
            try:
                return await self._thread.offsets(tps)
            except (TimeoutError, KafkaError):
                await asyncio.sleep(_WATCH_SECONDS)
        return {}

    def _freeze(self) -> None:
        """Keep the garbage collector from walking through what the process holds at its start, then with its tables.

        A walk takes 100 ms. Young objects are looked at less often too: those of a hit are gone before.
        """
        if self._freezes_left:
            gc.collect()
            gc.freeze()
            gc.set_threshold(_YOUNG_OBJECTS)
            self._freezes_left -= 1

    def _is_current(self, generation: int) -> bool:
        return self.flow_active and generation == self.app.consumer_generation_id

    def _tables(self) -> dict[TP, FollowedTable]:
        tables = {table.changelog_topic_name: table for table in self.app.tables.values()}
        return {tp: tables[tp.topic] for tp in self.assignment() if tp.topic in tables}

    async def _catch_up_tables(self, generation: int) -> None:
        tables = self._tables()
        applied = _applied(tables)
        offsets = await self._offsets_of(set(tables), generation)
        self._note(time.monotonic(), offsets, applied)
        for tp, (start, end) in offsets.items():
            table = tables[tp]
            while start < end > table.next_offset and self._is_current(generation):
                await asyncio.sleep(_POLL_SECONDS)
        if self._is_current(generation):
            self._freshness.note_current()

    @Service.task
    async def _watch_membership(self) -> None:
        while not self.should_stop:
            if self._places.partitions():  # a membership that has not begun says so elsewhere
                try:
                    await self._thread.check_membership()
                except Exception as error:
                    end_process(error)
            await self.sleep(_WATCH_SECONDS)

    @Service.task
    async def _watch_tables(self) -> None:
        while self.app.tables and not self.should_stop:
            try:
                await self._ask_tables()
            except (ConsumerNotStarted, TimeoutError, KafkaError):
                pass  # no answer: the time since the last one says it
            self._freshness.is_late()  # says so also while a recovery that is stuck lets nothing be fetched
            await self.sleep(_WATCH_SECONDS)

    async def _ask_tables(self) -> None:
        tables, asked_at = self._tables(), time.monotonic()
        applied = _applied(tables)
        if len(tables) == len(self.app.tables):  # else one has no partition here, and is not followed
            self._note(asked_at, await self._thread.offsets(set(tables)), applied)

    def _note(self, asked_at: float, offsets: dict[TP, tuple[int, int]], applied: dict[TP, int]) -> None:
        try:
            self._freshness.note(asked_at, offsets, applied)
        except IntegrityError as error:
            end_process(error)

    async def _place(self, held: set[TP]) -> None:
        starts = await self.earliest_offsets(*held)
        committed = {tp: self._committed_offset[tp] for tp in held}
        for tp in held:
            _check_start(tp, committed[tp], starts[tp])
        positions = {tp: committed[tp] or starts[tp] for tp in held}
        await self.seek_wait(positions)
        self._next.update(positions)
        for tp in held:
            self._handed_out[tp].clear()


class Transport(stock.Transport):
    """The stock transport with this module's consumer."""

    Consumer = Consumer
    table_silence_seconds: float = 10


def _applied(tables: dict[TP, FollowedTable]) -> dict[TP, int]:
    """Next offset of each. Taken before their ends are asked for, since a table goes on while the answer comes."""
    return {tp: table.next_offset for tp, table in tables.items()}


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
