"""The same reads give the same alerts and dead letters through stock Faust, read by read, and through chunks."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
from confluent_kafka.admin import NewTopic

from platestream.clock import SetClock
from platestream.errors import InvalidMessage
from platestream.settings import KafkaSettings, MatchingSettings
from processors.matching.agent import Judge
from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from processors.matching.poison import PoisonLimit
from schemas.codec import Codec
from schemas.framing import frame
from schemas.messages import MatchKind
from schemas.plates import hotlist_key
from streams.clients import admin, producer
from streams.topics import create
from streams.workers.app import faust_app, faust_options
from streams.workers.topic import raw_topic
from tests.matching import NOW, a_read, an_entry

Found = list[tuple[Any, ...]]


@asynccontextmanager
async def running(app: faust.App) -> AsyncIterator[None]:
    started = asyncio.create_task(app.start())
    try:
        yield
    finally:
        await started
        await app.stop()


def values(codec: Codec) -> list[bytes | None]:
    """Hits of several entries and spellings, reads of no interest, and poison of every kind."""
    wire_id = codec.wire_id("PlateRead")
    poison = [
        None,
        b"",
        b"{}",
        frame(9, b"\x06ABC"),
        frame(wire_id, b"\x00x"),
        frame(wire_id, b"\xd8\x04" + b"A" * 300),
    ]
    poison += [codec.encode(an_entry()), codec.encode(a_read("0IL100"))[:-2], frame(wire_id, b"\x07")]
    plates = ["OIL100", "01L100", "ABC123", "NONE1", "NONE22", "7"]
    reads = [codec.encode(a_read(plates[number % 6], event=str(number))) for number in range(3000)]
    return [*reads[:1000], *poison, *reads[1000:2000], *poison, *reads[2000:]]


def hotlist(codec: Codec) -> Hotlist:
    entries = [an_entry("OIL100", entry_id="look"), an_entry("OIL100", entry_id="letter", match_kind=MatchKind.EXACT)]
    held = Hotlist(codec, MatchingSettings())
    for entry in [*entries, an_entry("ABC123", entry_id="third", state=None)]:
        held.apply(hotlist_key(entry.plate, entry.entry_id), codec.encode(entry))
    return held


async def test_the_same_alerts_and_letters(kafka: KafkaSettings, codec: Codec, tmp_path: Path) -> None:
    topic, sent, held = f"same-{os.urandom(4).hex()}", values(codec), hotlist(codec)
    create(admin(kafka), [NewTopic(topic, 2, 1)])
    sending = producer(kafka)
    for number, value in enumerate(sent):
        sending.produce(topic, value, key=b"a wrong key %d" % (number % 7))
    assert sending.flush(30) == 0
    through_stock, through_chunks = Found(), Found()
    matcher = Matcher(codec, held, frozenset(), MatchingSettings())

    stock_options = {**faust_options(kafka), "broker_max_poll_records": 500, "stream_buffer_maxsize": 1000}
    stock = faust.App(f"{topic}-stock", **stock_options, datadir=tmp_path / "stock")

    async def read_by_read(stream: Any) -> None:
        async for event in stream.events():
            try:
                alerts = matcher.alerts_of(event.message.value, NOW)
                through_stock.extend((event.message.partition, event.message.offset, alert) for alert in alerts)
            except InvalidMessage as refusal:
                through_stock.append((event.message.partition, event.message.offset, refusal.reason))

    stock.agent(raw_topic(stock, topic), name="stock")(read_by_read)
    ours = faust_app(kafka, f"{topic}-ours", session_timeout_seconds=6, datadir=tmp_path / "ours")
    judge = Judge(held, matcher, PoisonLimit(in_a_row=1000, share=1), SetClock(NOW))

    async def by_chunks(stream: Any) -> None:
        async for chunk in stream:
            async for portion, _ in judge.portions(chunk):
                for read in portion.raised:
                    through_chunks.extend((chunk.tp.partition, read.offset, alert) for alert in read.alerts)
                through_chunks.extend((chunk.tp.partition, letter.offset, letter.reason) for letter in portion.letters)

    ours.agent(raw_topic(ours, topic), name="ours")(by_chunks)
    for app, found in ((stock, through_stock), (ours, through_chunks)):
        async with running(app):
            for _ in range(1200):
                if len(found) == 2018:
                    break
                await asyncio.sleep(0.05)
    assert len(through_stock) == 2018  # of each six reads one gives two alerts and two give one; nine bad ones twice
    by_place = sorted(through_stock, key=lambda one: one[:2])
    assert sorted(through_chunks, key=lambda one: one[:2]) == by_place
