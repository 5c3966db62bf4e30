"""Topics as places that can hold a plate: what came before the day is counted on the files, or by the log's start.

Destroying is not the sweep's work here: reads and pictures are truncated minutes after all have committed them
(truncation.py), dead letters and alerts go by their topics' retention. Those of a read that is uploaded so late that
they would outlive its day are not written (`leaves_topic_in_time`), so what came longer ago than the topic's days is
overdue whenever it was collected.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platestream.errors import TransientError
from platestream.retention import TOPIC_SLACK
from platestream.settings import Settings
from schemas.topics import topics
from sinks.retention.kafka_logs import KafkaLogs

_KEPT_BY_DAYS = "deleted by retention.ms; records older than that counted in segment files or by log start"
_TRUNCATED = "truncated once all committed; records that came before the day counted in segment files or by log start"


@dataclass(frozen=True, kw_only=True)
class KafkaTopic:
    """One topic whose records hold plates of reads."""

    logs: KafkaLogs
    topic: str
    method: str
    kept_for: timedelta | None = None
    days: int = 60

    @property
    def name(self) -> str:
        return f"kafka.{self.topic}"

    def due(self, before: datetime) -> int | None:
        """Records that came before that time, or longer ago than the topic keeps them; None when nobody answers.

        Keeps: retention.sixty-days
        """
        today = before + timedelta(days=self.days - 1)
        came_before = before if self.kept_for is None else max(before, today - self.kept_for - TOPIC_SLACK)
        try:
            return self.logs.left_before([self.topic], came_before).records
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
        KafkaTopic(logs=logs, topic=topic.name, method=_TRUNCATED, days=settings.retention.days)
        if topic.is_truncated
        else KafkaTopic(
            logs=logs,
            topic=topic.name,
            method=_KEPT_BY_DAYS,
            kept_for=topic.kept_for,
            days=settings.retention.days,
        )
        for topic in topics().values()
        if topic.holds_plates and topic.config["cleanup.policy"] == "delete"
    ]
