"""The ledger as bytes in a backup, and back onto a topic: the same offsets, keys and values, so the same chain."""

import struct
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from confluent_kafka import KafkaError, Message

from platestream.errors import IntegrityError, InvalidMessage, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from streams.clients import producer
from streams.ledger.proof import START, Event, Fault, leaf_of, next_head
from streams.ledger.reading import read_topic

_LENGTHS = struct.Struct(">iI")  # of the key, -1 when there is none, and of the value
_OPTIONS = {"compression.type": "none", "message.max.bytes": 1_000_000}
_FLUSH_SECONDS = 60


def pack_events(events: Iterable[Event | Fault], part_bytes: int) -> Iterator[bytes]:
    """Events from offset 0 on as parts of about so many bytes. Raises IntegrityError when one is missing or damaged."""
    part, expected = bytearray(), 0
    for event in sound(events):
        if event.offset != expected:
            raise IntegrityError(f"Event {expected} of the ledger is missing; run `platestream ledger verify`.")
        expected += 1
        part += _LENGTHS.pack(-1 if event.key is None else len(event.key), len(event.value))
        part += (event.key or b"") + event.value
        if len(part) >= part_bytes:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def unpack_events(parts: Iterable[bytes]) -> Iterator[Event]:
    """What `pack_events` packed; no event lies across two parts."""
    offset = 0
    for part in parts:
        at = 0
        while at < len(part):
            key_bytes, value_bytes = _LENGTHS.unpack_from(part, at)
            key_at = at + _LENGTHS.size
            at = key_at + max(0, key_bytes)
            key = None if key_bytes < 0 else part[key_at:at]
            yield Event(offset, key, part[at : at + value_bytes])
            at, offset = at + value_bytes, offset + 1


def head_of(events: Iterable[Event]) -> tuple[int, bytes]:
    """How many events there are and the head they lead to."""
    count, head = 0, START
    for event in events:
        count, head = count + 1, next_head(head, leaf_of(event))
    return count, head


def restore_topic(kafka: KafkaSettings, topic: str, events: Iterable[Event], codec: Codec) -> int:
    """Append what the topic does not have yet; gives how many that were. Safe to repeat.

    The topic may also have more. Raises IntegrityError when it has something else, when somebody writes at the same
    time, or when the registry gives the schemas other ids than they had; TransientError when the broker is away.
    """
    written, appending = 0, _Appending(kafka, topic)
    for wanted, found in zip_longest(events, sound(read_topic(kafka, topic))):
        if found is None:
            _check_readable(codec, wanted)
            appending.append(wanted)
            written += 1
        elif wanted not in (None, found):
            raise IntegrityError(
                f"Event {found.offset} of {topic} is another in the backup: these are two ledgers. Nothing was written."
            )
    appending.finish()
    return written


def check_head(kafka: KafkaSettings, topic: str, count: int, head: str) -> None:
    """Raises IntegrityError unless the first events of the topic lead to this head."""
    if head_of(islice(sound(read_topic(kafka, topic)), count)) != (count, bytes.fromhex(head)):
        raise IntegrityError(f"{topic} does not lead to the head of the backup; run `platestream ledger verify`.")


def sound(found: Iterable[Event | Fault]) -> Iterator[Event]:
    """The events. Raises IntegrityError at the first fault."""
    for one in found:
        if isinstance(one, Fault):
            raise IntegrityError("The ledger topic is damaged; run `platestream ledger verify`.")
        yield one


def _check_readable(codec: Codec, event: Event) -> None:
    try:
        record = codec.version_of(event.value).record
    except InvalidMessage:
        record = ""
    if record != "LedgerEvent":
        raise IntegrityError(
            f"Event {event.offset} of the backup has a schema id that the registry here gives to something else. "
            "Restore the registry's topic first, or register the schemas under the ids they had."
        )


class _Appending:
    """Appends in order and notes when an event comes to stand at another offset than its own."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._producer, self._topic = producer(kafka, **_OPTIONS), topic
        self._fault: IntegrityError | TransientError | None = None

    def append(self, event: Event) -> None:
        def settle(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._fault = TransientError(f"The ledger could not be restored: {error.str()}. Run it again.")
            elif message.offset() != event.offset:
                self._fault = IntegrityError(
                    f"Something else wrote to {self._topic} meanwhile. Stop all, make the topic anew, restore again."
                )

        while self._producer.poll(0) or len(self._producer) >= 10_000:
            self._producer.poll(0.1)
        self._raise()
        self._producer.produce(self._topic, key=event.key, value=event.value, partition=0, on_delivery=settle)

    def finish(self) -> None:
        if self._producer.flush(_FLUSH_SECONDS):
            raise TransientError("The broker does not take the ledger in time; run the restore again.")
        self._raise()

    def _raise(self) -> None:
        if self._fault:
            raise self._fault
