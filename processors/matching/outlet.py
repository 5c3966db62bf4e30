"""Step 4, matched: what reads led to, on its way out. Alerts of one partition leave in the order of their reads."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import faust
from faust.types import TP

from platestream.clock import Clock
from platestream.errors import InvalidMessage
from platestream.metrics import ALERTS, DEAD_LETTERS, READ_TO_ALERT, SIGHTINGS
from schemas.codec import Codec
from schemas.messages import Alert, DeadLetter
from streams.dead_letters import may_hold
from streams.workers.turns import Turns

PORTION = 1000  # alerts and dead letters on their way at once: what a storm may hold in memory
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

    def join(self, later: "Portion") -> None:
        """What later reads of the partition led to, too."""
        self.raised += later.raised
        self.letters += later.letters
        self.alert_count += later.alert_count

    def __len__(self) -> int:
        """Alerts and dead letters."""
        return self.alert_count + len(self.letters)


def dead_letter(tp: TP, record: Any, refusal: InvalidMessage, now: datetime, retention_days: int) -> DeadLetter:
    """A message that cannot be processed, with the reason."""
    is_held = may_hold(record.value, now, retention_days)
    return DeadLetter(
        reason=refusal.reason,
        topic=tp.topic,
        partition=tp.partition,
        offset=record.offset,
        at=now,
        key=record.key[:_KEPT_BYTES] if record.key and is_held else None,
        value=record.value[:_KEPT_BYTES] if record.value and is_held else None,
    )


class Outlet:
    """Sends to the topics `alerts` and `dead_letters`. Alerts go to the partition of their reads."""

    def __init__(self, app: faust.App, codec: Codec, clock: Clock, *, alerts: str, dead_letters: str) -> None:
        self._app = app
        self._codec = codec
        self._clock = clock
        self._alerts = alerts
        self._dead_letters = dead_letters

    async def raise_alerts(self, alerts: list[Alert], partition: int) -> None:
        """Send alerts of reads of `partition`. Returns when the broker has acknowledged all, batch after batch."""
        turns = Turns()
        batch, held = self._producer.create_batch(), list[Alert]()
        for alert in alerts:
            key, value = alert.entry_id.encode(), self._codec.encode(alert)
            if held and batch.size() + len(key) + len(value) + _ADDED_BYTES > BATCH_BYTES:
                await self._send_batch(batch, held, partition)
                batch, held = self._producer.create_batch(), []
            batch.append(key=key, value=value, timestamp=None)
            held.append(alert)
            await turns.give()
        if held:
            await self._send_batch(batch, held, partition)

    async def bury(self, letters: list[DeadLetter]) -> None:
        """Returns when the broker has acknowledged all."""
        producer = self._app.producer
        sent = [
            await producer.send(self._dead_letters, None, self._codec.encode(letter), 0, None, None)
            for letter in letters
        ]
        await asyncio.gather(*sent)
        for letter in letters:
            DEAD_LETTERS.labels(stage="matching", reason=letter.reason).inc()

    @property
    def _producer(self) -> Any:
        """aiokafka's, made when the app starts."""
        producer: Any = self._app.producer
        return producer._ensure_producer()

    async def _send_batch(self, batch: Any, alerts: list[Alert], partition: int) -> None:
        batch.close()
        await (await self._producer.send_batch(batch, self._alerts, partition=partition))
        raised = [alert for alert in alerts if alert.sighting == 1]
        ALERTS.inc(len(raised))
        SIGHTINGS.inc(len(alerts) - len(raised))
        now = self._clock.now()
        for alert in raised:
            READ_TO_ALERT.observe(max((now - alert.received_at).total_seconds(), 0))
