"""Step 4, matched: the glue between Kafka and the rules. Reads in; alerts and dead letters out; then the read is acked.

Delivery is at least once: a read is acknowledged only after the broker has acknowledged what it led to, and a replay
gives the same alert ids. Chunks are acknowledged here and not by Faust, which does so also when an agent raises or is
cancelled; any unexpected error ends the process.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import faust

from platestream.clock import Clock
from platestream.ending import end_process
from platestream.errors import ConfigError, InvalidMessage
from platestream.metrics import READS_MATCHED, READS_NOT_MATCHED
from platestream.retention import TOPIC_SLACK
from platestream.settings import Settings
from processors.matching.hotlist import Hotlist, Selected
from processors.matching.matcher import Matcher
from processors.matching.outlet import PORTION, Outlet, Portion, dead_letter
from processors.matching.poison import PoisonLimit
from processors.matching.sending import Sender
from processors.passages.log import PassageLog, rule_of
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER
from schemas.topics import topics
from streams.chunks.chunk import Chunk
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import load_suppression_key
from streams.workers.app import faust_app
from streams.workers.delivery import Delivery
from streams.workers.table import FollowedTable, one_by_one
from streams.workers.topic import raw_topic
from streams.workers.turns import Turns


@dataclass(frozen=True, kw_only=True)
class MatchingTopics:
    """The topics that a worker reads and writes."""

    reads: str = "plate-reads"
    entries: str = "hotlist-entries"
    alerts: str = "alerts"
    dead_letters: str = "dead-letters"
    suppressions: str = "suppressions"


def matching_app(
    settings: Settings,
    codec: Codec,
    clock: Clock,
    topics: MatchingTopics,
    suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
) -> faust.App:
    """A worker that matches reads with the hotlist. Raises ConfigError when alerts would outlive reads.

    Keeps: alert.on-match
    """
    folder = settings.home / "processor"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust_app(
        settings.kafka,
        settings.processor.group,
        session_timeout_seconds=settings.processor.session_timeout_seconds,
        table_silence_seconds=settings.processor.table_silence_seconds,
        consumer_group_instance_id=settings.processor.instance,
        datadir=folder,
    )
    hotlist = Hotlist(codec, settings.matching)
    app.tables.add(FollowedTable(app, name="hotlist", topic=topics.entries, apply=hotlist.apply_all))
    suppressed = SuppressedPlates(codec, load_suppression_key(settings), clock)
    app.tables.add(
        FollowedTable(app, name="suppressions", topic=topics.suppressions, apply=one_by_one(suppressed.apply))
    )
    limit = PoisonLimit(in_a_row=settings.processor.dead_letters_in_a_row, share=settings.processor.dead_letter_share)
    _check_days(settings.retention.days)
    matcher = Matcher(codec, hotlist, suppressed, settings.matching, settings.retention.days)
    judge = Judge(hotlist, matcher, limit, clock, suspensions)
    outlet = Outlet(Delivery(settings.kafka), codec, clock, alerts=topics.alerts, dead_letters=topics.dead_letters)

    log = PassageLog(settings.kafka, codec, rule_of(settings.processor), reads=topics.reads, alerts=topics.alerts)
    sender = Sender(log, outlet, clock, lambda: app.consumer_generation_id)

    async def match_reads(stream: Any) -> None:
        await match_chunks(stream, judge, sender)

    app.agent(raw_topic(app, topics.reads), name="matching")(match_reads)
    return app


def _check_days(retention_days: int) -> None:
    least = topics()["alerts"].kept_for + TOPIC_SLACK
    if timedelta(days=retention_days) <= least:
        raise ConfigError(
            f"retention.days is {retention_days}, but alerts stay on their topic for {least.days} days: none could be "
            "raised. Keep reads for longer, or have the days of schemas/topics/alerts.toml shortened."
        )


async def match_chunks(stream: Any, judge: "Judge", sender: Sender) -> None:
    """Judge the reads of each chunk while what the ones before led to is on its way."""
    try:
        async for event in stream.noack().events():
            async for portion, is_last in judge.portions(event.value):
                await sender.send(portion, event if is_last else None)
    except Exception as error:
        end_process(error)


class Judge:
    """What the reads of chunks lead to. No I/O."""

    def __init__(
        self,
        hotlist: Hotlist,
        matcher: Matcher,
        limit: PoisonLimit,
        clock: Clock,
        suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
    ) -> None:
        self._hotlist = hotlist
        self._suspensions = suspensions
        self._matcher = matcher
        self._limit = limit
        self._clock = clock

    async def portions(self, chunk: Chunk) -> AsyncIterator[tuple[Portion, bool]]:
        """Portions of bounded size, each with whether it is the chunk's last. Others have their turn in between.

        While use is suspended a chunk leads to nothing, also later. Keeps: suspension.order
        """
        portion, turns = Portion(chunk.tp), Turns()
        if self._suspensions().is_in_force:
            READS_NOT_MATCHED.inc(sum(record.value != ROLL_MARKER for record in chunk))
            yield portion, True
            return
        for records in chunk.slices():
            unusable, markers = [], 0
            for selected in self._hotlist.select(records):
                markers += selected.record.value == ROLL_MARKER
                if not self._judge(selected, portion):
                    unusable.append(selected.record.offset)
                if len(portion) >= PORTION:
                    yield portion, False
                    portion = Portion(chunk.tp)
                await turns.give()
            READS_MATCHED.inc(len(records) - markers - len(unusable))
            self._limit.count(chunk.tp, reads=len(records) - markers, unusable=unusable)
            await turns.give()
        yield portion, True

    def _judge(self, selected: Selected, portion: Portion) -> bool:
        """False when it is no usable read."""
        record, now = selected.record, self._clock.now()
        try:
            alerts = self._matcher.alerts_of(record.value, now, selected.wider_keys)
            if alerts and not self._suspensions().covers(alerts[0].collected_at):
                portion.add(record.offset, alerts)
        except InvalidMessage as refusal:
            portion.letters.append(dead_letter(portion.tp, record, refusal, now, self._matcher.retention_days))
            return False
        return True
