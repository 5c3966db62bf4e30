"""Puts messages that cannot be kept on `dead-letters`, with the reason, so that the rest goes on."""

from typing import Any

from confluent_kafka import KafkaError

from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.metrics import DEAD_LETTERS
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import DeadLetter
from sinks.taken import Message
from streams.clients import producer
from streams.dead_letters import TOPIC, may_hold

_FLUSH_SECONDS = 60
_MOST_BYTES = 900_000  # a dead letter must itself fit into a message; of a larger one it only says where it was


class DeadLetters:
    """One producer of dead letters. Safe to repeat: a letter twice is the same news twice."""

    def __init__(
        self, kafka: KafkaSettings, codec: Codec, clock: Clock, topic: str = TOPIC, retention_days: int = 60
    ) -> None:
        self._producer = producer(kafka)
        self._codec = codec
        self._clock = clock
        self._topic = topic
        self._retention_days = retention_days
        self._failed: KafkaError | None = None

    def put(self, message: Message, reason: str) -> None:
        """Hand a message over; it is on the topic after `flush`. `reason` is a word from a closed set."""
        key, value, now = message.key, message.value, self._clock.now()
        fits = len(key or b"") + len(value or b"") <= _MOST_BYTES and may_hold(value, now, self._retention_days)
        letter = DeadLetter(
            reason=reason,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            at=now,
            key=key if fits else None,
            value=value if fits else None,
        )
        self._produce(self._codec.encode(letter))
        DEAD_LETTERS.labels(stage="sink", reason=reason).inc()

    def flush(self) -> None:
        """Wait until all are acknowledged. Raises TransientError when one was not."""
        left = self._producer.flush(_FLUSH_SECONDS)
        failed, self._failed = self._failed, None
        if failed or left:
            raise TransientError(f"Dead letters were not acknowledged: {failed.name() if failed else 'timed out'}.")

    def _produce(self, value: bytes) -> None:
        while True:
            try:
                return self._producer.produce(self._topic, value, on_delivery=self._delivered)
            except BufferError:  # the queue is full; let it drain
                self._producer.poll(1)

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        self._failed = error or self._failed
