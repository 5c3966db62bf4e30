"""Appends to the ledger topic: one event, one request, acknowledged from disk (`flush.messages=1`)."""

import threading
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException, Message

from platestream.errors import IntegrityError, TransientError
from platestream.metrics import LEDGER_EVENTS
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.clients import producer
from streams.ledger.events import KINDS

_MOST_BYTES = 1_000_000
_POLL_SECONDS = 0.05  # how long closing may wait


class LedgerWriter:
    """Writes events from any thread; one thread of its own hands out the acknowledgements."""

    def __init__(self, kafka: KafkaSettings, codec: Codec, topic: str, timeout_seconds: float) -> None:
        self._codec, self._topic, self._timeout_seconds = codec, topic, timeout_seconds
        options = {
            "linger.ms": 0,
            "compression.type": "none",  # sealed bytes do not compress
            "message.timeout.ms": max(1000, int(timeout_seconds * 1000) - 1000),  # librdkafka looks once a second
            "reconnect.backoff.max.ms": 1000,
            "message.max.bytes": _MOST_BYTES,
        }
        self._producer = producer(kafka, **options)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._acknowledge, name="ledger-writer", daemon=True)
        self._thread.start()

    def append(self, event: LedgerEvent) -> int:
        """Offset of the event once it is safe. Raises TransientError in bounded time, IntegrityError if data was lost.

        The wait is the caller's; a broker that comes back a moment later may still take the event.
        """
        acknowledged: Future[int] = Future()
        self._send(event, acknowledged)
        try:
            offset = acknowledged.result(self._timeout_seconds)
        except TimeoutError:
            raise TransientError(f"The ledger did not acknowledge within {self._timeout_seconds:g} s.") from None
        LEDGER_EVENTS.labels(event.kind if event.kind in KINDS else "other").inc()
        return offset

    def check_reachable(self) -> None:
        """Raises TransientError unless the broker has the topic and a leader for it."""
        try:
            found = self._producer.list_topics(self._topic, timeout=self._timeout_seconds).topics[self._topic]
        except KafkaException as error:
            raise TransientError(f"The ledger's broker does not answer: {error.args[0].str()}.") from None
        if found.error is not None or any(part.leader < 0 for part in found.partitions.values()):
            raise TransientError(f"Topic {self._topic} has no leader; wait for the broker or create the topic.")

    def close(self) -> None:
        """Give what is under way its time, then stop."""
        self._producer.flush(self._timeout_seconds)
        self._closing.set()
        self._thread.join()
        self._producer.purge()
        self._producer.close()

    def _send(self, event: LedgerEvent, acknowledged: "Future[int]") -> None:
        value = self._codec.encode(event)
        try:
            self._producer.produce(
                self._topic,
                key=event.subject_id.encode(),
                value=value,
                partition=0,
                on_delivery=lambda error, message: _settle(acknowledged, error, message),
            )
        except BufferError:
            raise TransientError("The ledger's queue is full; the broker takes nothing.") from None
        except KafkaException as error:
            raise _explain(error.args[0]) from None

    def _acknowledge(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_SECONDS)


def _settle(acknowledged: "Future[int]", error: KafkaError | None, message: Message) -> None:
    offset = message.offset()
    if error is not None:
        acknowledged.set_exception(_explain(error))
    elif offset is None or offset < 0:
        acknowledged.set_exception(TransientError("The ledger has the event but did not say where; ask again."))
    else:
        acknowledged.set_result(offset)


def _explain(error: KafkaError) -> TransientError | IntegrityError:
    """A fatal error of an idempotent producer means that the broker forgot what it had acknowledged."""
    if error.fatal() or error.code() == KafkaError._FATAL:
        return IntegrityError(f"The ledger's broker may have lost events: {error.str()}. Stop and compare the copies.")
    return TransientError(f"The ledger could not be written: {error.str()}.")
