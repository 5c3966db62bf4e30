"""Messages on their way to Kafka, awaited on an event loop, without a gap on any partition.

librdkafka packs and sends them on threads of its own, without Python's lock (docs/decisions/0027-delivery.md).
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.clients import producer

_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.001, 0.01
_WITHOUT_GAPS = {
    "enable.gapless.guarantee": True,  # after a refusal nothing is sent any more
    "message.timeout.ms": 0,  # one that was given up would be a gap too; without a broker all wait
}

Message = tuple[bytes | None, bytes]


class Delivery:
    """One producer. Whatever ends it, what a partition has of its messages are the first of those handed over."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._producer = producer(kafka, **_WITHOUT_GAPS, **{"linger.ms": 0, "socket.nagle.disable": True})

    def hand_over(self, topic: str, partition: int, messages: Iterable[Message]) -> Coroutine[Any, Any, None]:
        """Keys and values leave in the order of the calls; at most 100,000 may be on their way.

        What is returned ends when the broker has acknowledged all, so not while it is away. Raises TransientError, at
        once or then, when a message is refused: no other will leave.
        """
        sent, reports = 0, list[Any]()

        def report(error: Any, _: Any) -> None:
            reports.append(error)

        with _refusals(topic):
            for key, value in messages:
                self._producer.produce(topic, value, key, partition, on_delivery=report)
                sent += 1
        return self._acknowledged(topic, sent, reports)

    async def _acknowledged(self, topic: str, sent: int, reports: list[Any]) -> None:
        with _refusals(topic):
            while len(reports) < sent:  # to look costs 50 us, and many are on their way for longer
                await asyncio.sleep(min(_POLL_SECONDS * sent, _LONGEST_POLL_SECONDS))
                self._producer.poll(0)
            if refusal := next(filter(None, reports), None):
                raise KafkaException(refusal)


@contextmanager
def _refusals(topic: str) -> Iterator[None]:
    try:
        yield
    except (KafkaException, BufferError) as error:
        raise TransientError(f"Kafka did not take a message of {topic} ({error}).") from error
