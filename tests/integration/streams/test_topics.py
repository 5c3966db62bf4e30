"""Topics on the real broker: made once, compared with their files."""

from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec, ResourceType

from platestream.errors import ConfigError, TransientError
from platestream.settings import KafkaSettings
from schemas.topics import topics
from streams.clients import admin
from streams.topics import check_topics, create, create_topics


def alter(kafka: KafkaSettings, topic: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = admin(kafka)
    client.incremental_alter_configs([resource])[resource].result(30)


def test_topics_are_made_once_and_are_as_their_files_say(kafka: KafkaSettings) -> None:
    create_topics(kafka)
    assert create_topics(kafka) == []
    check_topics(kafka)


def test_a_changed_topic_is_named_with_both_values(kafka: KafkaSettings) -> None:
    create_topics(kafka)
    alter(kafka, "plate-reads", "message.timestamp.type", "CreateTime")
    try:
        with pytest.raises(ConfigError, match="plate-reads has message.timestamp.type=CreateTime, not LogAppendTime"):
            check_topics(kafka)
    finally:
        alter(kafka, "plate-reads", "message.timestamp.type", "LogAppendTime")
    check_topics(kafka)


def test_a_wrong_partition_count_is_named(kafka: KafkaSettings) -> None:
    create_topics(kafka)
    wanted = kafka.read_partitions + 1
    with pytest.raises(ConfigError, match=rf"alerts has {kafka.read_partitions} partitions, not {wanted}"):
        check_topics(kafka.model_copy(update={"read_partitions": wanted}))


def test_every_topic_that_holds_plates_is_bounded_or_compacted() -> None:
    for topic in topics().values():
        if topic.holds_plates:
            bounded = 0 < int(topic.config.get("retention.ms", "-1")) <= 60 * 86_400_000
            assert bounded or topic.config["cleanup.policy"] == "compact", topic.name


def test_topics_that_were_created_can_be_read_at_once(kafka: KafkaSettings) -> None:
    """Without the wait two of five were not shown or not served, on a busy machine."""
    for number in range(8):
        wanted = [NewTopic(f"at-once-{number}-{uuid4()}", 2, 1) for _ in range(3)]
        create(admin(kafka), wanted)
        client = admin(kafka)
        shown = client.list_topics(timeout=30).topics
        assert [topic.topic for topic in wanted if topic.topic not in shown] == []
        partitions = [TopicPartition(topic.topic, partition) for topic in wanted for partition in range(2)]
        ends = client.list_offsets({partition: OffsetSpec.latest() for partition in partitions})
        assert [end.result(30).offset for end in ends.values()] == [0] * 6
        for gone in client.delete_topics([topic.topic for topic in wanted]).values():
            gone.result(30)


def test_a_broker_that_is_away_is_a_transient_error(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.topics._TIMEOUT_SECONDS", 1)
    with pytest.raises(TransientError, match="broker does not answer"):
        check_topics(KafkaSettings(bootstrap_servers=f"127.0.0.1:{unused_tcp_port}"))
