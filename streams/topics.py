"""Creates the topics of schemas/topics and checks at start that the broker's are what the files say."""

from collections.abc import Sequence

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from platestream.errors import ConfigError, TransientError
from platestream.settings import KafkaSettings
from schemas.topics import Topic, topics
from streams.clients import admin
from streams.tail import LATEST

_TIMEOUT_SECONDS = 30
_UNTIL_TRUE = Retrying(
    retry=retry_if_result(lambda result: not result), stop=stop_after_delay(_TIMEOUT_SECONDS), wait=wait_fixed(0.02)
)


def create_topics(kafka: KafkaSettings) -> list[str]:
    """Create the topics that are missing and return their names; existing ones are left as they are.

    Raises TransientError when the broker is away.
    """
    client = admin(kafka)
    counts = _partition_counts(client)
    missing = [topic for name, topic in topics().items() if name not in counts]
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partition_count(kafka.read_partitions),
            replication_factor=kafka.replication_factor,
            config=topic.config_with(kafka.segment_seconds),
        )
        for topic in missing
    ]
    if wanted:
        create(client, wanted)
    return [topic.name for topic in missing]


def create(client: AdminClient, wanted: Sequence[NewTopic]) -> None:
    """Create topics and wait until the broker serves each of their partitions.

    It says that a topic is made before it shows it, and shows it before it serves it: of 150 times that three topics
    were made on a busy machine, 61 were not shown when asked for at once, for up to 1.2 s.

    `wanted` is not empty, and each has its number of partitions. Raises TransientError when one cannot be created, or
    is not served within 30 s.
    """
    for name, created in client.create_topics(list(wanted)).items():
        try:
            created.result(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise TransientError(f"Topic {name} could not be created: {error.args[0].str()}.") from error
    try:
        _UNTIL_TRUE(_are_served, client, wanted)
    except RetryError:
        names = ", ".join(topic.topic for topic in wanted)
        raise TransientError(f"The broker created {names}, but does not serve all of them yet.") from None


def _are_served(client: AdminClient, wanted: Sequence[NewTopic]) -> bool:
    shown = _partition_counts(client)
    if any(topic.topic not in shown for topic in wanted):
        return False  # librdkafka would remember for half a minute that a topic asked for by name has no leader
    partitions = [TopicPartition(topic.topic, number) for topic in wanted for number in range(topic.num_partitions)]
    ends = client.list_offsets({partition: LATEST for partition in partitions})
    return all(end.exception(_TIMEOUT_SECONDS) is None for end in ends.values())


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
