"""Step 4, matched: what reads led to, on its way out. Alerts of one partition leave in the order of their reads."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import faust
from faust.types import TP

from platestream.clock import Clock
from platestream.errors import InvalidMessage
from platestream.metrics import ALERTS, DEAD_LETTERS, NOT_ALERTED, READ_TO_ALERT
from schemas.codec import Codec
from schemas.messages import Alert, DeadLetter
from streams.workers.turns import Turns

BATCH_BYTES = 800_000  # with Kafka's own bytes a batch stays below the 1 MB that a broker takes
_KEPT_BYTES = 64 * 1024  # of a dead letter: it must fit where the message itself just fitted
_ADDED_BYTES = 64  # most that Kafka adds to key and value of an alert


@dataclass(frozen=True)
class Raised:
    """The alerts of the read at `offset`, the highest priority first."""

    offset: int
    alerts: list[Alert]


@dataclass
class Portion:
    """What some reads of a partition led to, in their order."""

    tp: TP
    raised: list[Raised] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    alert_count: int = 0

    def add(self, offset: int, alerts: list[Alert]) -> None:
        """What the read at `offset` led to."""
        self.raised.append(Raised(offset, alerts))
        self.alert_count += len(alerts)

    def __len__(self) -> int:
        """Alerts and dead letters."""
        return self.alert_count + len(self.letters)


def dead_letter(tp: TP, record: Any, refusal: InvalidMessage, now: datetime) -> DeadLetter:
    """A message that cannot be processed, with the reason."""
    return DeadLetter(
        reason=refusal.reason,
        topic=tp.topic,
        partition=tp.partition,
        offset=record.offset,
        at=now,
        key=record.key and record.key[:_KEPT_BYTES],
        value=record.value and record.value[:_KEPT_BYTES],
    )


class Outlet:
    """Sends portions; `alerts` and `dead_letters` are topics."""

    def __init__(self, app: faust.App, codec: Codec, clock: Clock, *, alerts: str, dead_letters: str) -> None:
        self._app = app
        self._codec = codec
        self._clock = clock
        self._alerts = alerts
        self._dead_letters = dead_letters

    async def send(self, portion: Portion) -> None:
        """Returns when the broker has acknowledged all of it. Alerts go to the partition of their reads."""
        await self._bury(portion.letters)
        turns = Turns()
        batch, reads = self._new_batch(), list[Raised]()
        for read in portion.raised:
            messages = [*self._encode(read.alerts)]
            if reads and batch.size() + _size(messages) > BATCH_BYTES:
                await self._send_batch(batch, reads, portion.tp.partition)
                batch, reads = self._new_batch(), []
            for key, value in messages:
                batch.append(key=key, value=value, timestamp=None)
            reads.append(read)
            await turns.give()
        if reads:
            await self._send_batch(batch, reads, portion.tp.partition)

    @property
    def _producer(self) -> Any:
        """aiokafka's, made when the app starts."""
        producer: Any = self._app.producer
        return producer._ensure_producer()

    def _new_batch(self) -> Any:
        return self._producer.create_batch()

    def _encode(self, alerts: list[Alert]) -> Iterator[tuple[bytes, bytes]]:
        """All of a read's alerts must fit into one batch: of a great many, those of the highest priority do."""
        size = 0
        for number, alert in enumerate(alerts):
            message = alert.entry_id.encode(), self._codec.encode(alert)
            size += _size([message])
            if size > BATCH_BYTES:
                NOT_ALERTED.labels(reason="too-many").inc(len(alerts) - number)
                return
            yield message

    async def _send_batch(self, batch: Any, reads: list[Raised], partition: int) -> None:
        count = batch.record_count()
        batch.close()
        await (await self._producer.send_batch(batch, self._alerts, partition=partition))
        ALERTS.inc(count)
        now = self._clock.now()
        for read in reads:
            READ_TO_ALERT.observe(max((now - read.alerts[0].received_at).total_seconds(), 0))

    async def _bury(self, letters: list[DeadLetter]) -> None:
        producer = self._app.producer
        sent = [
            await producer.send(self._dead_letters, None, self._codec.encode(letter), 0, None, None)
            for letter in letters
        ]
        await asyncio.gather(*sent)
        for letter in letters:
            DEAD_LETTERS.labels(stage="matching", reason=letter.reason).inc()


def _size(messages: list[tuple[bytes, bytes]]) -> int:
    return sum(len(key) + len(value) + _ADDED_BYTES for key, value in messages)
