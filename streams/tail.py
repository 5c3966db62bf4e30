"""Where a partition ends, and what stands there: for who keeps state in a log, or reads one to the end it has now."""

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.clients import admin, consumer

LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_OPTIONS = {"enable.partition.eof": True, "auto.offset.reset": "error", "fetch.wait.max.ms": 10}


def tail(kafka: KafkaSettings, topic: str, partition: int, most: int, *, timeout_seconds: float) -> Iterator[Message]:
    """The last messages of a partition, oldest first: all that are there when it is called, `most` at most.

    Belongs to no group and commits nothing. Raises TransientError when the broker is silent for `timeout_seconds`, or
    deletes what is being read.
    """
    with closing(consumer(kafka, f"{topic}-tail", **_OPTIONS)) as client:
        try:
            first, end = client.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout_seconds)
            start = max(first, end - most)
            if start < end:
                client.assign([TopicPartition(topic, partition, start)])
                yield from _until(client, end, timeout_seconds)
        except KafkaException as error:
            raise TransientError(f"{topic}[{partition}] cannot be read back: {error.args[0].str()}.") from None


def end_offset(kafka: KafkaSettings, topic: str, partition: int, *, timeout_seconds: float) -> int:
    """Offset of the next message of a partition. Raises TransientError when the broker does not say."""
    client, last = admin(kafka), TopicPartition(topic, partition)  # by name: its futures fail once it is gone
    try:
        asked = client.list_offsets({last: LATEST}, request_timeout=timeout_seconds)[last]
        return int(asked.result(timeout_seconds).offset)
    except KafkaException as error:
        raise TransientError(f"The end of {topic}[{partition}] is not known: {error.args[0].str()}.") from None
    except TimeoutError:
        raise TransientError(f"The end of {topic}[{partition}] is not known: the broker does not answer.") from None


def _until(client: Consumer, end: int, timeout_seconds: float) -> Iterator[Message]:
    while (message := client.poll(timeout_seconds)) is not None:  # `consume` would wait for a batch that never fills
        error = message.error()
        if error is None:
            yield message
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if (message.offset() or 0) + (error is None) >= end:
            return
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
