"""Consumer groups of the benches: where a group begins to read, and when its members share the partitions."""

import time
from collections.abc import Callable

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from bench.errors import BenchError
from bench.topics import READS_TOPIC
from platestream.settings import KafkaSettings
from streams.clients import admin
from streams.tail import LATEST

_TIMEOUT_SECONDS = 30
_PAUSE_SECONDS = 0.1


def begin_at_end(kafka: KafkaSettings, group: str, partitions: int = 1) -> None:
    """Let a group that has no members begin behind the reads that are on the topic."""
    client = admin(kafka)
    places = [TopicPartition(READS_TOPIC, partition) for partition in range(partitions)]
    ends = client.list_offsets(dict.fromkeys(places, LATEST))
    for place, end in ends.items():
        place.offset = end.result(_TIMEOUT_SECONDS).offset
    altered = client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, list(ends))])
    altered[group].result(_TIMEOUT_SECONDS)


def wait_for_members(kafka: KafkaSettings, group: str, members: int, seconds: float, check: Callable[[], None]) -> None:
    """Wait until each of `members` has a partition of plate-reads. `check` is asked meanwhile, and raises to give up.

    Raises BenchError when it takes longer than `seconds`.
    """
    client, deadline = admin(kafka), time.monotonic() + seconds
    while True:
        found = client.describe_consumer_groups([group])[group].result(_TIMEOUT_SECONDS).members
        reading = [
            member
            for member in found
            if any(place.topic == READS_TOPIC for place in member.assignment.topic_partitions)
        ]
        if len(reading) == members:
            return
        if time.monotonic() > deadline:
            raise BenchError(f"{len(reading)} of {members} workers have reads to match after {seconds:.0f} s.")
        check()
        time.sleep(_PAUSE_SECONDS)
