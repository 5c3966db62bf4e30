"""Step 4, matched: what reads led to, on its way out. Alerts of one partition leave in the order of their reads."""

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from faust.types import TP

from platestream.clock import Clock
from platestream.errors import InvalidMessage
from platestream.metrics import ALERTS, DEAD_LETTERS, READ_TO_ALERT, SIGHTINGS
from schemas.codec import Codec
from schemas.messages import Alert, DeadLetter
from streams.dead_letters import may_hold
from streams.workers.delivery import Delivery, Message
from streams.workers.turns import Turns

PORTION = 1000  # alerts and dead letters on their way at once: what a storm may hold in memory
_KEPT_BYTES = 64 * 1024  # of a dead letter: it must fit where the message itself just fitted


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

    def __init__(self, delivery: Delivery, codec: Codec, clock: Clock, *, alerts: str, dead_letters: str) -> None:
        self._delivery = delivery
        self._codec = codec
        self._clock = clock
        self._alerts = alerts
        self._dead_letters = dead_letters

    async def pack(self, alerts: Iterable[Alert]) -> list[Message]:
        """Alerts as they are sent. Others have their turn in between."""
        turns, packed = Turns(), list[Message]()
        for alert in alerts:
            packed.append((alert.entry_id.encode(), self._codec.encode(alert)))
            await turns.give()
        return packed

    def hand_over(
        self, letters: list[DeadLetter], alerts: list[Alert], packed: list[Message], partition: int
    ) -> Coroutine[Any, Any, None]:
        """Send dead letters, and alerts of reads of `partition`. What is returned ends when the broker has them all."""
        packed_letters = [(None, self._codec.encode(letter)) for letter in letters]
        buried = self._delivery.hand_over(self._dead_letters, 0, packed_letters)
        return self._count(letters, alerts, [buried, self._delivery.hand_over(self._alerts, partition, packed)])

    async def _count(
        self, letters: list[DeadLetter], alerts: list[Alert], on_their_way: list[Coroutine[Any, Any, None]]
    ) -> None:
        for acknowledged in on_their_way:
            await acknowledged
        for letter in letters:
            DEAD_LETTERS.labels(stage="matching", reason=letter.reason).inc()
        raised = [alert for alert in alerts if alert.sighting == 1]
        ALERTS.inc(len(raised))
        SIGHTINGS.inc(len(alerts) - len(raised))
        now = self._clock.now()
        for alert in raised:
            READ_TO_ALERT.observe(max((now - alert.received_at).total_seconds(), 0))
