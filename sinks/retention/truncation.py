"""Takes reads and pictures off Kafka soon after every group that must have them has committed them.

The start of each log is moved up to what all groups have committed. The bytes leave the disk when their segment has
rolled, which happens only on an append, so a log that has been quiet for as long as a segment lasts gets one record
that says nothing (`ROLL_MARKER`): it goes into a segment of its own, and the one before is deleted. Dead letters and
alerts go by their topics' retention.

Safe to stop anywhere and to run in several processes: each step only moves forward.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from threading import Event

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.metrics import KAFKA_RECORDS, TRUNCATION_FAILURES
from platestream.settings import Settings
from schemas.framing import ROLL_MARKER
from schemas.topics import Topic, topics
from sinks.retention.kafka_logs import KafkaLogs, Offsets
from streams.clients import consumer, producer

_SECONDS = 5
_SLACK_SECONDS = 1  # the broker counts a segment's time from its own clock's reading

_log = logging.getLogger(__name__)

Groups = Mapping[str, tuple[str, ...]]  # by topic: those that must have committed a record before it goes


def groups_by_topic(settings: Settings, storage_groups: Mapping[str, str]) -> Groups:
    """The groups of each topic that is truncated, from the consumers that its facts name.

    Raises ConfigError when a consumer has no group here: nothing may be deleted that it has not read.
    """
    return {
        topic.name: tuple(_group_of(role, topic, settings, storage_groups) for role in topic.consumers)
        for topic in topics().values()
        if topic.is_truncated
    }


def _group_of(role: str, topic: Topic, settings: Settings, storage_groups: Mapping[str, str]) -> str:
    if role == "processor":
        return settings.processor.group
    if role == "storage" and topic.name in storage_groups:
        return storage_groups[topic.name]
    raise ConfigError(f"Topic {topic.name} is truncated, but the group of its consumer {role} is not known; name it.")


class Truncation:
    """`run` until told to stop, or `truncate` once. `groups` as from `groups_by_topic`."""

    def __init__(self, settings: Settings, groups: Groups) -> None:
        self._groups = groups
        self._segment_seconds = settings.kafka.segment_seconds
        self._every_seconds = settings.retention.truncate_seconds
        self._logs = KafkaLogs(settings)
        self._kafka = settings.kafka
        self._quiet = _QuietLogs(settings)

    def run(self, stop: Event, beat: Callable[[], None]) -> None:
        """Truncate every `retention.truncate_seconds` until `stop` is set. `beat` is called about each second.

        While Kafka is away it is tried again. Raises IntegrityError when a group has lost records.
        """
        due = time.monotonic()
        while not stop.wait(0.5):
            beat()
            if time.monotonic() >= due:
                try:
                    self.truncate()
                except TransientError as error:
                    TRUNCATION_FAILURES.inc()
                    _log.warning("Kafka is not truncated now, it is tried again: %s", error)
                due = time.monotonic() + self._every_seconds

    def truncate(self) -> Offsets:
        """Move each log's start up to what all its groups have committed; returns the starts.

        Raises TransientError when the broker is away, IntegrityError when a log starts above what a group has
        committed: the records between were deleted before it had them. Keeps: retention.sixty-days
        """
        starts = self._logs.starts(self._groups)  # asked first: commits only grow, so a gap seen is a gap
        committed = {
            tp: self._least_committed(tp, starts[tp], offsets) for tp, offsets in self._commits(starts).items()
        }
        ends = self._logs.ends(self._groups)
        # a commit beyond the end, of a topic that was made anew, is no reason to delete what a group has not seen
        wanted = {tp: offset for tp, offset in committed.items() if starts[tp] < offset <= ends[tp]}
        self._logs.delete_before(wanted)
        starts |= wanted
        self._quiet.roll({tp: ends[tp] for tp in starts if 0 < ends[tp] == starts[tp]})
        for topic in self._groups:
            left = [max(0, ends[tp] - start) for tp, start in starts.items() if tp[0] == topic]
            KAFKA_RECORDS.labels(topic=topic).set(sum(left))
        return starts

    def _commits(self, starts: Offsets) -> dict[tuple[str, int], dict[str, int]]:
        """What each group has committed on each partition; below 0 when nothing."""
        found: dict[tuple[str, int], dict[str, int]] = {tp: {} for tp in starts}
        for group in {group for groups in self._groups.values() for group in groups}:
            places = [TopicPartition(*tp) for tp in starts if group in self._groups[tp[0]]]
            for place in self._committed(group, places):
                found[place.topic, place.partition][group] = place.offset
        return found

    def _committed(self, group: str, places: list[TopicPartition]) -> list[TopicPartition]:
        """Asked by a consumer that never joins.

        confluent-kafka 2.16.0's AdminClient ends the process by a segmentation fault when the answer to
        `list_consumer_group_offsets` is that the group's coordinator is elsewhere or not there yet.
        """
        if not places:
            return []
        with closing(consumer(self._kafka, group)) as asking:
            try:
                return list(asking.committed(places, timeout=_SECONDS))
            except KafkaException as error:
                raise TransientError(f"Kafka does not say what {group} has committed: {error.args[0].str()}.") from None

    def _least_committed(self, tp: tuple[str, int], start: int, offsets: dict[str, int]) -> int:
        topic, partition = tp
        for group, offset in offsets.items():
            if 0 <= offset < start:
                raise IntegrityError(
                    f"{topic}[{partition}] starts at {start}, but group {group} has committed {offset}: "
                    f"{start - offset} messages were deleted before it had them. Find out what deleted them; then "
                    "commit an offset the log holds with Kafka's own tools."
                )
        return min((offsets.get(group, -1) for group in self._groups[topic]), default=-1)


class _QuietLogs:
    """Rolls logs that are empty but for deleted records and have been so for as long as a segment lasts."""

    def __init__(self, settings: Settings) -> None:
        self._producer = producer(settings.kafka)
        self._rolled_after = settings.kafka.segment_seconds + _SLACK_SECONDS
        self._since: dict[tuple[str, int], tuple[int, float]] = {}
        self._marked: Offsets = {}
        self._failed: KafkaError | None = None

    def roll(self, ends: Offsets) -> None:
        """`ends` are those of the logs of which nothing is left to read. Raises TransientError."""
        now = time.monotonic()
        self._since = {
            tp: self._since[tp] if tp in self._since and self._since[tp][0] == end else (end, now)
            for tp, end in ends.items()
        }
        for tp, (end, since) in self._since.items():
            if self._marked.get(tp) != end and now - since > self._rolled_after:
                self._producer.produce(tp[0], ROLL_MARKER, partition=tp[1], on_delivery=self._delivered)
        left = self._producer.flush(_SECONDS)
        failed, self._failed = self._failed, None
        if failed or left:
            raise TransientError(f"A marker was not acknowledged: {failed.name() if failed else 'timed out'}.")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        self._failed = error or self._failed
        if not error:
            self._marked[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
