"""Step 4, matched: the passages of one partition, as the alerts log tells them, and what its next reads become.

Nothing is held that the log does not hold, or will before anything else does: `take` is the only way in, of what was
handed over as of what is read back. What becomes of a chunk's hits is worked out in a draft beside it.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from processors.passages.rules import (
    MOST,
    Car,
    Counted,
    Passage,
    PassageRule,
    Sighting,
    as_sighting,
    belongs,
    next_sighting,
    passage_of,
)
from schemas.messages import Alert, unchecked


class Passages:
    """The passages of one partition.

    `source_offset` is that of the last read which the log holds a message of, or -1; `messages` have been taken.
    """

    def __init__(self, rule: PassageRule) -> None:
        self.rule = rule
        self.source_offset = -1
        self.messages = 0
        self._of_car: dict[Car, tuple[Passage, ...]] = {}
        self._counted: dict[Counted, int] = {}
        self._remembered: deque[tuple[Car, Counted, datetime]] = deque()

    def __len__(self) -> int:
        """Messages that count; the rule's `remembered` at most."""
        return len(self._remembered)

    def of_car(self, car: Car) -> tuple[Passage, ...]:
        """The passages of a car, the one added to last at the end."""
        return self._of_car.get(car, ())

    def counted_in(self, counted: Counted) -> int | None:
        """The number of the message that counted a read for an entry."""
        return self._counted.get(counted)

    def take(self, sighting: Sighting) -> bool:
        """Take a message of the log, in the log's order.

        False for one that does not count, because the log held a message of its read, or of a later one, before it: a
        worker that had been taken for dead wrote it, or the producer wrote it twice.
        """
        if sighting.source_offset < self.source_offset or sighting.counted in self._counted:
            return False
        self.source_offset = sighting.source_offset
        self._of_car[sighting.car] = with_message(self.of_car(sighting.car), sighting, self.messages)
        self._counted[sighting.counted] = self.messages
        self._remembered.append((sighting.car, sighting.counted, sighting.received_at))
        self.messages += 1
        if len(self) > self.rule.remembered:
            self._forget_oldest()
        return True

    def forget_received_before(self, time: datetime) -> None:
        """Let go of what the alerts log has let go of."""
        while self._remembered and self._remembered[0][2] < time:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        number = self.messages - len(self)
        car, counted, _ = self._remembered.popleft()
        del self._counted[counted]
        left = tuple(passage for passage in self.of_car(car) if passage.message > number)
        if left:
            self._of_car[car] = left
        else:
            self._of_car.pop(car, None)


class Draft:
    """What the hits of some reads become, beside the state until all of it is handed over."""

    def __init__(self, passages: Passages) -> None:
        self._state = passages
        self._of_car: dict[Car, tuple[Passage, ...]] = {}
        self._counted: dict[Counted, int] = {}
        self._sightings: list[Sighting] = []

    def place(self, alerts: Iterable[Alert], source_offset: int) -> list[Alert]:
        """The alerts of one read as they leave: raised, or updates of earlier ones; without what is a resend.

        Nothing for a read before the last one that the log speaks of: it is a replay. Of that last one, what the log
        does not hold. Reads come in the order of their offsets.
        """
        if source_offset < self._state.source_offset:
            return []
        placed = (self._place(alert, as_sighting(alert, source_offset)) for alert in alerts)
        return [alert for alert in placed if alert]

    def merge(self) -> None:
        """Take what was placed into the state: it leaves next, or the process ends."""
        for sighting in self._sightings:
            self._state.take(sighting)

    def _place(self, alert: Alert, first: Sighting) -> Alert | None:
        message = self._state.messages + len(self._sightings)
        oldest = message - self._state.rule.remembered
        passages = self._of_car.get(first.car) or self._state.of_car(first.car)
        if self._was_counted(first.counted, oldest):
            return None
        open_ = (passage for passage in reversed(passages) if passage.message >= oldest)
        passage = next((passage for passage in open_ if belongs(first, passage, self._state.rule)), None)
        sighting = next_sighting(first, passage) if passage else first
        self._of_car[first.car] = with_message(passages, sighting, message)
        self._counted[first.counted] = message
        self._sightings.append(sighting)
        return as_message(alert, sighting)

    def _was_counted(self, counted: Counted, oldest: int) -> bool:
        message = self._counted.get(counted, self._state.counted_in(counted))
        return message is not None and message >= oldest


def with_message(passages: tuple[Passage, ...], sighting: Sighting, message: int) -> tuple[Passage, ...]:
    """A car's passages after one more sighting, the one it belongs to at the end."""
    others = tuple(passage for passage in passages if passage.alert_id != sighting.alert_id)
    return (*others, passage_of(sighting, message))[-MOST:]


def as_message(alert: Alert, sighting: Sighting) -> Alert:
    """The alert as its sighting makes it: raised under its own id, or an update under that of the passage."""
    placed = {
        "alert_id": sighting.alert_id,
        "passage_started_at": sighting.started_at,
        "last_seen_at": sighting.last_seen_at,
        "sighting": sighting.number,
        "source_offset": sighting.source_offset,
    }
    return unchecked(Alert, **vars(alert) | placed)
