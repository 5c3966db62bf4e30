"""Reads the ledger topic once, from its first record to the end it has now, as bytes: for proofs, not for decisions."""

from collections.abc import Iterator

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
    reader = consumer(kafka, "ledger-proof", **_OPTIONS)
    try:
        reader.assign([TopicPartition(topic, 0, 0)])
        while place < end:
            messages = reader.consume(min(_BATCH, end - place), timeout_seconds)
            if not messages:
                yield Fault("unreadable", place, f"{topic}[0]@{place}: the broker gives nothing; read its segments")
                return
            for message in messages:
                found = _found(message, topic, place)
                yield found
                if isinstance(found, Fault) and found.kind == "unreadable":
                    return
                place = found.offset + 1 if found.offset < end else place + 1
                if isinstance(found, Fault):  # the client stays before what it refused
                    reader.seek(TopicPartition(topic, 0, place))
                    break
    finally:
        reader.close()


def _found(message: Message, topic: str, place: int) -> Event | Fault:
    error = message.error()
    if error is None:
        return Event(int(message.offset() or 0), message.key(), message.value() or b"")
    if error.code() == KafkaError._BAD_MSG:
        return Fault("changed", place, f"{topic}[0]@{place} does not agree with the broker's checksum")
    if error.code() in _AWAY:
        raise TransientError(f"{topic}[0]@{place} cannot be read: {error.str()}.")
    return Fault("unreadable", place, f"{topic}[0]@{place}: {error.str()}; read the broker's segments")
