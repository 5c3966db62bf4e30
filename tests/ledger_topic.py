"""Topics of its own for a test, of one partition, with what schemas/topics says of them."""

from uuid import uuid4

from confluent_kafka.admin import NewTopic

from platestream.settings import KafkaSettings
from schemas.topics import topics
from streams.clients import admin
from streams.topics import create


def new_ledger_topic(kafka: KafkaSettings) -> str:
    """Create a ledger and give its name."""
    return new_topic(kafka, "ledger")


def new_topic(kafka: KafkaSettings, kind: str) -> str:
    """Create a topic like the one that is called `kind` and give its name."""
    name = f"{kind}-{uuid4().hex[:8]}"
    wanted = NewTopic(name, num_partitions=1, replication_factor=1, config=topics()[kind].config)
    create(admin(kafka), [wanted])
    return name
