"""Creates the topics of schemas/topics and checks at start that the broker's are what the files say."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from platestream.errors import ConfigError, TransientError
from platestream.settings import KafkaSettings
from schemas.topics import Topic, topics
from streams.clients import admin

_TIMEOUT_SECONDS = 30


def create_topics(kafka: KafkaSettings) -> list[str]:
    """Create the topics that are missing and return their names; existing ones are left as they are.

    Raises TransientError when the broker is away.
    """
    client = admin(kafka)
    missing = [topic for name, topic in topics().items() if name not in _partition_counts(client)]
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partition_count(kafka.read_partitions),
            replication_factor=kafka.replication_factor,
            config=topic.config_with(kafka.segment_seconds),
        )
        for topic in missing
    ]
    for name, created in client.create_topics(wanted).items() if wanted else ():
        try:
            created.result(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise TransientError(f"Topic {name} could not be created: {error.args[0].str()}.") from error
    return [topic.name for topic in missing]


def check_topics(kafka: KafkaSettings) -> None:
    """Raises ConfigError naming each topic, what its file says and what the broker has."""
    client = admin(kafka)
    counts = _partition_counts(client)
    faults = [f"{name} is missing" for name in topics() if name not in counts]
    for topic in topics().values():
        if topic.name in counts:
            faults += _faults(topic, counts[topic.name], _config(client, topic.name), kafka)
    if faults:
        raise ConfigError(
            "Topics differ from schemas/topics: " + "; ".join(faults) + ". `platestream topics create` makes missing "
            "ones; change the others with Kafka's own tools."
        )


def _faults(topic: Topic, partitions: int, config: dict[str, str], kafka: KafkaSettings) -> list[str]:
    wanted = topic.partition_count(kafka.read_partitions)
    faults = [] if partitions == wanted else [f"{topic.name} has {partitions} partitions, not {wanted}"]
    return faults + [
        f"{topic.name} has {key}={config.get(key)}, not {value}"
        for key, value in topic.config_with(kafka.segment_seconds).items()
        if _as_set(config.get(key, "")) != _as_set(value)
    ]


def _as_set(value: str) -> set[str]:
    """Kafka keeps lists such as cleanup.policy in no fixed order."""
    return set(value.split(","))


def _partition_counts(client: AdminClient) -> dict[str, int]:
    try:
        found = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise TransientError(f"The broker does not answer: {error.args[0].str()}.") from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def _config(client: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = client.describe_configs([resource])[resource].result(_TIMEOUT_SECONDS)
    return {name: entry.value for name, entry in entries.items()}
