"""Passages as they are read back from the alerts log on the real broker."""

import os
from datetime import timedelta

import pytest
from confluent_kafka.admin import NewTopic

from platestream.errors import IntegrityError
from platestream.settings import KafkaSettings
from processors.passages.log import KEPT, PassageLog
from processors.passages.passages import Draft
from processors.passages.rules import PassageRule
from schemas.codec import Codec
from schemas.messages import Alert
from schemas.topics import topics
from streams.clients import admin, producer
from streams.topics import create
from tests.matching import NOW, a_read
from tests.passages import an_alert


class Partition:
    """The two topics of a log, and what is written to their only partition."""

    def __init__(self, kafka: KafkaSettings, codec: Codec) -> None:
        self.kafka, self.codec = kafka, codec
        self.reads, self.alerts = (f"{name}-{os.urandom(4).hex()}" for name in ("reads", "alerts"))
        create(admin(kafka), [NewTopic(self.reads, 1, 1), NewTopic(self.alerts, 1, 1)])

    def log(self, remembered: int = 1_000) -> PassageLog:
        rule = PassageRule(remembered=remembered)
        return PassageLog(self.kafka, self.codec, rule, reads=self.reads, alerts=self.alerts)

    def write_reads(self, count: int) -> None:
        self.write(self.reads, [self.codec.encode(a_read())] * count)

    def write_alerts(self, alerts: list[Alert]) -> None:
        self.write(self.alerts, [self.codec.encode(alert) for alert in alerts])

    def write(self, topic: str, values: list[bytes]) -> None:
        sending = producer(self.kafka)
        for value in values:
            sending.produce(topic, value=value, partition=0)
        assert sending.flush(30) == 0


@pytest.fixture
def partition(kafka: KafkaSettings, codec: Codec) -> Partition:
    return Partition(kafka, codec)


async def placed(log: PassageLog, offset: int, generation: int = 1, **fields: object) -> Alert:
    draft = Draft(await log.passages(0, generation, NOW))
    (alert,) = draft.place([an_alert(**fields)], offset)  # type: ignore[arg-type]
    return alert


async def test_a_worker_goes_on_where_the_log_ends(partition: Partition) -> None:
    partition.write_reads(10)
    first = await placed(partition.log(), 3, event="1")
    partition.write_alerts([first])
    second = await placed(partition.log(), 4, event="2", at=50)
    assert (second.alert_id, second.sighting) == (first.alert_id, 2)
    partition.write_alerts([second])
    passages = await partition.log().passages(0, 1, NOW)
    assert (len(passages), passages.source_offset) == (2, 4)
    assert Draft(passages).place([an_alert(event="2", at=50)], 4) == []


async def test_another_workers_messages_are_seen_after_a_rebalance_and_not_before(partition: Partition) -> None:
    partition.write_reads(10)
    log = partition.log()
    assert (await log.passages(0, 1, NOW)).source_offset == -1
    partition.write_alerts([await placed(partition.log(), 5)])
    assert (await log.passages(0, 1, NOW)).source_offset == -1
    assert (await log.passages(0, 2, NOW)).source_offset == 5


async def test_no_more_is_read_than_counts(partition: Partition) -> None:
    partition.write_reads(400)
    draft = Draft(await partition.log().passages(0, 1, NOW))
    hits = [draft.place([an_alert(f"CAR{offset}", event=f"{offset}")], offset) for offset in range(400)]
    partition.write_alerts([alert for (alert,) in hits])
    passages = await partition.log(remembered=100).passages(0, 1, NOW)
    assert (len(passages), passages.messages, passages.source_offset) == (100, 110, 399)


async def test_a_log_that_was_deleted_tells_nothing_and_the_car_alerts_anew(partition: Partition) -> None:
    partition.write_reads(10)
    partition.write_alerts([await placed(partition.log(), 3, event="1")])
    log = partition.log()
    assert (await placed(log, 4, event="2")).sighting == 2
    await log.passages(0, 1, NOW + KEPT + timedelta(seconds=1))
    assert (await placed(log, 4, event="2")).sighting == 1


async def test_what_is_no_alert_is_passed_over(partition: Partition, codec: Codec) -> None:
    partition.write_reads(10)
    alert = await placed(partition.log(), 3)
    partition.write(partition.alerts, [b"{}", codec.encode(a_read()), codec.encode(alert)[:-1], codec.encode(alert)])
    assert len(await partition.log().passages(0, 1, NOW)) == 1


async def test_a_log_of_other_reads_is_refused(partition: Partition) -> None:
    partition.write_reads(3)
    partition.write_alerts([await placed(partition.log(), 2, event="1")])
    assert (await partition.log().passages(0, 1, NOW)).source_offset == 2
    partition.write_alerts([await placed(partition.log(), 3, event="2")])
    with pytest.raises(IntegrityError, match="speaks of offset 3 of .*, which ends at 3"):
        await partition.log().passages(0, 1, NOW)


def test_a_message_is_let_go_of_when_the_topic_does() -> None:
    config = topics()["alerts"].config
    assert timedelta(milliseconds=int(config["retention.ms"])) == KEPT
    assert config["cleanup.policy"] == "delete"
