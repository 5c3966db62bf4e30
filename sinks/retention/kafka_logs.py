"""How much of a topic is still there: asked of the broker, and for the embedded broker counted in its files.

DeleteRecords only moves the start of a log. The bytes stay in their segment until the segment has rolled and its file
is deleted, so on the machine where the broker's files lie the files are counted, record by record. Of a cluster
elsewhere only the start of the log can be asked: what lies below it is out of reach of every client, and leaves the
brokers' disks after `kafka.segment_seconds` and the brokers' own intervals, which nobody can see from here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from platestream.clock import to_ms
from platestream.errors import TransientError
from platestream.settings import Settings
from sinks.retention.segments import count_records_before, count_records_below
from streams.clients import admin

_SECONDS = 5
_spec: Any = OffsetSpec  # its methods have no types

Offsets = dict[tuple[str, int], int]  # by topic and partition


@dataclass(frozen=True)
class LeftOnKafka:
    """How many records below a mark are left, and how that is known."""

    records: int
    is_counted_on_files: bool


class KafkaLogs:
    """Offsets and files of topics. Its methods raise TransientError when the broker does not answer in time."""

    def __init__(self, settings: Settings) -> None:
        self._client = admin(settings.kafka)
        self._files = settings.home / "kafka" / "data"

    def starts(self, topics: Iterable[str]) -> Offsets:
        """The first offset of each partition that can still be read."""
        return self._offsets(topics, _spec.earliest())

    def ends(self, topics: Iterable[str]) -> Offsets:
        """The offset that comes next on each partition: a mark above all that is there at this moment."""
        return self._offsets(topics, _spec.latest())

    def left_before(self, topics: Iterable[str], at: datetime) -> LeftOnKafka:
        """Records that came before `at`, by the log's timestamps, and are still there.

        On files they are told by the times of their batches: a log that was truncated to its end has no offset for any
        time, while its files still hold what came today.
        """
        wanted = sorted(topics)
        ends = self.ends(wanted)  # asked first: what comes meanwhile is younger
        if self._are_files_here():
            return LeftOnKafka(count_records_before(self._files, ends, to_ms(at)), is_counted_on_files=True)
        later = self._offsets(wanted, _spec.for_timestamp(to_ms(at)))
        return self.left({tp: ends[tp] if offset < 0 else offset for tp, offset in later.items()})

    def delete_before(self, offsets: Offsets) -> None:
        """Move the start of each log; what lies below can no longer be read."""
        wanted = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        if wanted:
            with_result(self._client.delete_records(wanted, request_timeout=_SECONDS))

    def left(self, mark: Offsets) -> LeftOnKafka:
        """Records below `mark` that are still there: on the files when they are this machine's, else by log start."""
        if self._are_files_here():
            return LeftOnKafka(count_records_below(self._files, mark), is_counted_on_files=True)
        starts = self.starts({topic for topic, _ in mark})
        return LeftOnKafka(sum(max(0, mark[tp] - starts[tp]) for tp in mark), is_counted_on_files=False)

    def _are_files_here(self) -> bool:
        """Whether the broker that answers is the one whose files lie in home, by the id of its cluster."""
        properties = self._files / "meta.properties"
        if not properties.is_file():
            return False
        try:
            cluster = self._client.describe_cluster(request_timeout=_SECONDS).result(_SECONDS).cluster_id
        except KafkaException as error:
            raise TransientError(f"The broker does not say who it is: {error.args[0].str()}.") from None
        return f"cluster.id={cluster}" in properties.read_text().splitlines()

    def _offsets(self, topics: Iterable[str], spec: Any) -> Offsets:
        wanted = set(topics)
        try:
            found = self._client.list_topics(timeout=_SECONDS).topics
        except KafkaException as error:
            raise TransientError(f"The broker does not answer: {error.args[0].str()}.") from None
        places = [TopicPartition(name, number) for name in wanted & found.keys() for number in found[name].partitions]
        if not places:
            return {}
        asked = self._client.list_offsets(dict.fromkeys(places, spec), request_timeout=_SECONDS)
        return {(place.topic, place.partition): info.offset for place, info in with_result(asked).items()}


def with_result(asked: dict[Any, Any]) -> dict[Any, Any]:
    """The answers to an administrator's request. Raises TransientError when one is an error."""
    try:
        return {subject: future.result(_SECONDS) for subject, future in asked.items()}
    except KafkaException as error:
        raise TransientError(f"Kafka did not take a request about its logs: {error.args[0].str()}.") from None
    except TimeoutError:
        raise TransientError("Kafka did not answer a request about its logs.") from None
