"""Topics as places: which records are overdue, by when they came."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from platestream.errors import TransientError
from platestream.retention import first_kept
from schemas.topics import topics
from sinks.retention.kafka_logs import KafkaLogs, LeftOnKafka
from sinks.retention.kafka_place import KafkaTopic

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
BEFORE = first_kept(NOW, 60)


class Came:
    """Records by when they came."""

    def __init__(self, *at: datetime) -> None:
        self.at = at

    def left_before(self, _: Sequence[str], at: datetime) -> LeftOnKafka:
        if not self.at:
            raise TransientError("away")
        return LeftOnKafka(sum(one < at for one in self.at), is_counted_on_files=True)


def place(*came: datetime, kept_for: timedelta | None = None) -> KafkaTopic:
    logs = cast(KafkaLogs, Came(*came))
    return KafkaTopic(logs=logs, topic="alerts", method="by days", kept_for=kept_for, days=60)


@pytest.mark.rule("retention.sixty-days")
def test_what_came_longer_ago_than_the_topic_keeps_it_is_overdue_whenever_it_was_collected() -> None:
    kept_for, moment = topics()["alerts"].kept_for, timedelta(milliseconds=1)
    limit = MIDNIGHT - timedelta(days=8)
    assert kept_for == topics()["dead-letters"].kept_for == timedelta(days=7)
    assert place(limit - moment, limit, NOW, kept_for=kept_for).due(BEFORE) == 1
    assert place(BEFORE - moment, limit - moment, NOW).due(BEFORE) == 1


def test_what_is_not_known_is_not_zero() -> None:
    assert place(kept_for=timedelta(days=7)).due(BEFORE) is None
