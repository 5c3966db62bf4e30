"""Step 4, matched: the passages of the partitions that a worker holds, each read back from the alerts log.

The log is read when a partition comes to a worker, and again after each rebalance, because another worker may have
written to it meanwhile. As much is read as counts by the rules; while reads are matched, nothing is.
"""

import asyncio
from datetime import datetime, timedelta

from platestream.errors import IntegrityError, InvalidMessage
from platestream.metrics import ALERTS_UNREADABLE
from platestream.settings import KafkaSettings, ProcessorSettings
from processors.passages.passages import Passages
from processors.passages.rules import PassageRule, Sighting, as_sighting
from schemas.codec import Codec
from streams.tail import end_offset, tail

KEPT = timedelta(days=7)  # as long as schemas/topics/alerts.toml keeps a message
_SILENCE_SECONDS = 30.0
_WITH_DOUBLES = 1.1  # what late workers wrote twice does not count, so a little more is read


def rule_of(settings: ProcessorSettings) -> PassageRule:
    """The rule as it is configured."""
    return PassageRule(
        window=timedelta(seconds=settings.passage_window_seconds),
        near_metres=settings.passage_near_metres,
        remembered=settings.passage_messages,
    )


class PassageLog:
    """The passages of each partition of `reads`, as the same partition of `alerts` tells them."""

    def __init__(self, kafka: KafkaSettings, codec: Codec, rule: PassageRule, *, reads: str, alerts: str) -> None:
        self._kafka = kafka
        self._codec = codec
        self._rule = rule
        self._reads = reads
        self._alerts = alerts
        self._generation = -1
        self._held: dict[int, Passages] = {}

    def is_of(self, generation: int) -> bool:
        """Whether what is held was read back in this generation, so that nothing of it is read again."""
        return generation == self._generation

    async def passages(self, partition: int, generation: int, now: datetime) -> Passages:
        """The passages of a partition; read back once in each `generation` of the group.

        Call it in a new generation when all that was sent before is acknowledged. Raises TransientError when the log
        cannot be read, IntegrityError when it is the log of other reads.
        """
        if not self.is_of(generation):
            self._held.clear()
            self._generation = generation
        if partition not in self._held:
            self._held[partition] = await asyncio.to_thread(self.read_back, partition)
        passages = self._held[partition]
        passages.forget_received_before(now - KEPT)
        return passages

    def read_back(self, partition: int) -> Passages:
        """The passages of a partition, from as much of its log as counts. Raises as `passages`."""
        passages = Passages(self._rule)
        most = int(self._rule.remembered * _WITH_DOUBLES)
        for message in tail(self._kafka, self._alerts, partition, most, timeout_seconds=_SILENCE_SECONDS):
            if sighting := self._sighting_of(message.value()):
                passages.take(sighting)
        self._check_reads(partition, passages.source_offset)
        return passages

    def _sighting_of(self, value: bytes | None) -> Sighting | None:
        """None for what is no alert: it is counted. At worst a car that it spoke of alerts once more."""
        try:
            if self._codec.version_of(value).record == "Alert":
                return as_sighting(self._codec.decode(value))
            reason = "wrong-record"
        except InvalidMessage as refusal:
            reason = refusal.reason
        ALERTS_UNREADABLE.labels(reason=reason).inc()
        return None

    def _check_reads(self, partition: int, known: int) -> None:
        end = end_offset(self._kafka, self._reads, partition, timeout_seconds=_SILENCE_SECONDS)
        if known >= end:
            raise IntegrityError(
                f"{self._alerts}[{partition}] speaks of offset {known} of {self._reads}, which ends at {end}: reads "
                f"would be taken for known ones. If it was made anew, delete the messages of {self._alerts}."
            )
