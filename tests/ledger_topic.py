"""A ledger topic of its own for a test, with what schemas/topics/ledger.toml says of it."""

from uuid import uuid4

from confluent_kafka.admin import NewTopic

from platestream.settings import KafkaSettings
from schemas.topics import topics
from streams.clients import admin


def new_ledger_topic(kafka: KafkaSettings) -> str:
    """Create the topic and give its name."""
    name = f"ledger-{uuid4().hex[:8]}"
    wanted = NewTopic(name, num_partitions=1, replication_factor=1, config=topics()["ledger"].config)
    client = admin(kafka)  # its futures fail once it is gone
    client.create_topics([wanted])[name].result(30)
    return name
