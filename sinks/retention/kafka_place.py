"""Topics as places that can hold a plate: what came before the day is counted on the files, or by the log's start.

Destroying is not the sweep's work here: reads and pictures are truncated minutes after all have committed them
(truncation.py), dead letters and alerts go by their topics' retention. A read that is uploaded late is dropped by the
sinks when it arrives, and is on Kafka for as long as any other.
"""

from dataclasses import dataclass
from datetime import datetime

from platestream.errors import TransientError
from platestream.settings import Settings
from schemas.topics import topics
from sinks.retention.kafka_logs import KafkaLogs

_KEPT_BY_DAYS = "deleted by retention.ms; records that came before the day counted in segment files or by log start"
_TRUNCATED = "truncated once all committed; records that came before the day counted in segment files or by log start"


@dataclass(frozen=True, kw_only=True)
class KafkaTopic:
    """One topic whose records hold plates of reads."""

    logs: KafkaLogs
    topic: str
    method: str

    @property
    def name(self) -> str:
        return f"kafka.{self.topic}"

    def due(self, before: datetime) -> int | None:
        """Records that came before that time; None when broker or files do not answer."""
        try:
            return self.logs.left_before([self.topic], before).records
        except (OSError, TransientError):
            return None

    def mark(self, before: datetime) -> None:
        """Holds keep nothing of it: what all have committed is in the tables."""

    def destroy(self, before: datetime) -> None:
        """The truncation's and the broker's own work."""

    def oldest(self) -> datetime | None:
        return None


def kafka_places(settings: Settings) -> list[KafkaTopic]:
    """The topics that hold plates of reads; hotlist entries are no reads, and compacted."""
    logs = KafkaLogs(settings)
    return [
        KafkaTopic(logs=logs, topic=topic.name, method=_TRUNCATED if topic.is_truncated else _KEPT_BY_DAYS)
        for topic in topics().values()
        if topic.holds_plates and topic.config["cleanup.policy"] == "delete"
    ]
