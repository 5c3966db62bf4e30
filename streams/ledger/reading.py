"""Reads the ledger topic once, from its first record to the end it has now, as bytes: for proofs, not for decisions."""

from collections.abc import Generator, Iterator

from confluent_kafka import KafkaError, Message, TopicPartition

from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from streams.clients import consumer
from streams.ledger.proof import Event, Fault
from streams.tail import end_offset

_BATCH = 10_000
_AWAY = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE}
_OPTIONS = {"check.crcs": True, "auto.offset.reset": "earliest", "reconnect.backoff.max.ms": 1000}


def read_topic(kafka: KafkaSettings, topic: str, timeout_seconds: float = 20) -> Iterator[Event | Fault]:
    """Every record, and a fault where bytes do not agree with their checksum. Where a batch's frame is damaged the
    broker cannot read on: then the last thing found is a fault, and `read_segments` tells the rest.

    Raises TransientError when the broker is away.
    """
    end, place = end_offset(kafka, topic, 0, timeout_seconds=timeout_seconds), 0
    while place < end:
        place = yield from _until_fault(kafka, topic, place, end, timeout_seconds)


def _until_fault(
    kafka: KafkaSettings, topic: str, place: int, end: int, timeout_seconds: float
) -> Generator[Event | Fault, None, int]:
    """Read from `place` on; the offset behind the first fault, or `end` when nothing more can be read.

    A client that has refused a batch can give again what it gave before, also after a seek: each has its own.
    """
    reader = consumer(kafka, "ledger-proof", **_OPTIONS)
    try:
        reader.assign([TopicPartition(topic, 0, place)])
        while place < end:
            messages = reader.consume(min(_BATCH, end - place), timeout_seconds)
            if not messages:
                yield Fault("unreadable", place, f"{topic}[0]@{place}: the broker gives nothing; read its segments")
                return end
            for message in messages:
                found = _found(message, topic, place)
                yield found
                place = found.offset + 1 if found.offset < end else place + 1
                if isinstance(found, Fault):
                    return end if found.kind == "unreadable" else place
    finally:
        reader.close()
    return end


def _found(message: Message, topic: str, place: int) -> Event | Fault:
    error = message.error()
    if error is None:
        return Event(int(message.offset() or 0), message.key(), message.value() or b"")
    if error.code() == KafkaError._BAD_MSG:
        return Fault("changed", place, f"{topic}[0]@{place} does not agree with the broker's checksum")
    if error.code() in _AWAY:
        raise TransientError(f"{topic}[0]@{place} cannot be read: {error.str()}.")
    return Fault("unreadable", place, f"{topic}[0]@{place}: {error.str()}; read the broker's segments")
