"""Step 4, matched: the glue between Kafka and the rules. Reads in; alerts and dead letters out; then the read is acked.

Delivery is at least once: a read is acknowledged only after the broker has acknowledged what it led to, and a replay
gives the same alert ids. Faust acknowledges a read also when its agent raises or is cancelled, so any unexpected error
ends the process first, and work in hand is finished before a cancellation goes on.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import faust
from faust.types import TP

from platestream.clock import Clock
from platestream.ending import end_process
from platestream.errors import InvalidMessage
from platestream.metrics import ALERTS, DEAD_LETTERS, READ_TO_ALERT
from platestream.settings import Settings
from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from schemas.codec import Codec
from schemas.messages import Alert, DeadLetter
from streams.workers.app import faust_app
from streams.workers.chunk import Chunk
from streams.workers.table import FollowedTable, one_by_one
from streams.workers.topic import raw_topic

_KEPT_BYTES = 64 * 1024  # of a dead letter: it must fit where the message itself just fitted


@dataclass(frozen=True, kw_only=True)
class MatchingTopics:
    """The topics that a worker reads and writes."""

    reads: str = "plate-reads"
    entries: str = "hotlist-entries"
    alerts: str = "alerts"
    dead_letters: str = "dead-letters"


def matching_app(settings: Settings, codec: Codec, clock: Clock, topics: MatchingTopics) -> faust.App:
    """A worker that matches reads with the hotlist. Keeps: alert.on-match"""
    folder = settings.home / "processor"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust_app(
        settings.kafka,
        settings.processor.group,
        session_timeout_seconds=settings.processor.session_timeout_seconds,
        consumer_group_instance_id=settings.processor.instance,
        datadir=folder,
    )
    hotlist = Hotlist(codec)
    app.tables.add(FollowedTable(app, name="hotlist", topic=topics.entries, apply=one_by_one(hotlist.apply)))
    outlet = Outlet(app, codec, clock, topics)
    matcher = Matcher(codec, hotlist)

    async def match_reads(stream: Any) -> None:
        async for event in stream.events():
            try:
                await to_the_end(match_chunk(event.value, matcher, outlet, clock))
            except Exception as error:
                end_process(error)

    app.agent(raw_topic(app, topics.reads), name="matching")(match_reads)
    return app


class Outlet:
    """Sends what reads lead to. Each method returns when the broker has acknowledged it."""

    def __init__(self, app: faust.App, codec: Codec, clock: Clock, topics: MatchingTopics) -> None:
        self._app = app
        self._codec = codec
        self._clock = clock
        self._topics = topics

    async def raise_alerts(self, alerts: list[Alert], partition: int) -> None:
        """Alerts go to the partition that their read came from, under the entry's id."""
        sent = [
            await self._send(self._topics.alerts, alert.entry_id.encode(), self._codec.encode(alert), partition)
            for alert in alerts
        ]
        await asyncio.gather(*sent)
        ALERTS.inc(len(alerts))
        waited = self._clock.now() - alerts[0].received_at
        READ_TO_ALERT.observe(max(waited.total_seconds(), 0))

    async def bury(self, tp: TP, record: Any, refusal: InvalidMessage, now: datetime) -> None:
        """Keep a message that cannot be processed, with the reason."""
        letter = DeadLetter(
            reason=refusal.reason,
            topic=tp.topic,
            partition=tp.partition,
            offset=record.offset,
            at=now,
            key=record.key and record.key[:_KEPT_BYTES],
            value=record.value and record.value[:_KEPT_BYTES],
        )
        await (await self._send(self._topics.dead_letters, None, self._codec.encode(letter), 0))
        DEAD_LETTERS.labels(stage="matching", reason=refusal.reason).inc()

    async def _send(self, topic: str, key: bytes | None, value: bytes, partition: int) -> Any:
        return await self._app.producer.send(topic, key, value, partition, None, None)


async def match_chunk(chunk: Chunk, matcher: Matcher, outlet: Outlet, clock: Clock) -> None:
    """Raise or bury what each read of a chunk leads to. Others on the event loop have their turn between slices."""
    for records in chunk.slices():
        for record in records:
            try:
                alerts = matcher.alerts_of(record.value, clock.now())
            except InvalidMessage as refusal:
                await outlet.bury(chunk.tp, record, refusal, clock.now())
            else:
                if alerts:
                    await outlet.raise_alerts(alerts, chunk.tp.partition)
        await asyncio.sleep(0)


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end even if the caller is cancelled meanwhile; the cancellation goes on after it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
