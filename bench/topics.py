"""Fills the topics of a bench: entries, and reads in batches of a chosen size with a hit at every so many reads."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from confluent_kafka import Producer

from bench.errors import BenchError
from bench.plates import listed_plates, partial_pattern, partial_plate, plate, unlisted_plates
from bench.templates import EntryTemplates, ReadTemplates, entry_key, partial_entry
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.plates import hotlist_key
from streams.clients import admin, producer
from streams.topics import create_topics

ENTRIES_TOPIC = "hotlist-entries"
READS_TOPIC = "plate-reads"
ALERTS_TOPIC = "alerts"
_AT_ONCE = 1000
_FLUSH_SECONDS = 120
_PAUSE_SECONDS = 0.1
_FULL_SECONDS = 0.005

_Message = dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Reads that stand together on the topic, sent `reads_per_request` a produce request."""

    name: str
    reads: int
    reads_per_request: int = 1000


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What reads to send: every `reads_per_hit`-th, the first included, has a plate of the list of `entries`."""

    segments: tuple[Segment, ...]
    entries: int
    reads_per_hit: int
    partitions: int = 1
    partial_plates: int = 0  # so many of the hits are for PARTIAL entries, one each

    def hits(self, segment: Segment) -> int:
        """Hits in a segment."""
        return segment.reads // self.reads_per_hit

    def hit_plates(self) -> list[bytes]:
        """The plates of all hits, in order; those of PARTIAL entries are spread over them."""
        count = sum(self.hits(segment) for segment in self.segments)
        plates = listed_plates(count, self.entries)
        for number in range(self.partial_plates):
            plates[number * count // self.partial_plates] = partial_plate(number)
        return plates


def fill_entries(kafka: KafkaSettings, templates: EntryTemplates, numbers: range) -> None:
    """Put the entries of these plate numbers on the topic."""
    messages = (
        {"key": entry_key(listed), "value": templates.entry(number, listed)}
        for number, listed in ((number, plate(number)) for number in numbers)
    )
    client = _producer(kafka, 5000)
    _send(client, ENTRIES_TOPIC, messages, 0)
    _flush(client)


def fill_partial_entries(kafka: KafkaSettings, codec: Codec, count: int) -> None:
    """Put `count` PARTIAL entries on the topic, for the plates of a filling with as many partial plates."""
    client = _producer(kafka, 5000)
    for number in range(count):
        entry = partial_entry(partial_pattern(number), f"partial-{number}", datetime.now(UTC))
        client.produce(ENTRIES_TOPIC, codec.encode(entry), hotlist_key(entry.plate, entry.entry_id))
    _flush(client)


class ReadFiller:
    """Puts the segments of a filling on the topic, in order; from a hit to the next goes to one partition."""

    def __init__(self, kafka: KafkaSettings, templates: ReadTemplates, filling: Filling) -> None:
        self._kafka = kafka
        self._templates = templates
        self._filling = filling
        self._hits = iter(filling.hit_plates())
        self._others = unlisted_plates(filling.entries)
        self._number = 0

    def fill_all(self) -> None:
        """Send all segments."""
        for segment in self._filling.segments:
            self.fill(segment)

    def fill(self, segment: Segment) -> None:
        """Send one segment and wait until the broker has it."""
        client = _producer(self._kafka, segment.reads_per_request)
        for block in range(self._filling.hits(segment)):
            plates = [next(self._hits), *islice(self._others, self._filling.reads_per_hit - 1)]
            reads = (
                {"key": plate, "value": self._templates.read(number, plate)}
                for number, plate in enumerate(plates, self._number)
            )
            _send(client, READS_TOPIC, reads, block % self._filling.partitions)
            self._number += len(plates)
        _flush(client)


def empty_alerts(kafka: KafkaSettings) -> None:
    """Make `alerts` anew: what one contender raised is no state of the next."""
    client = admin(kafka)
    client.delete_topics([ALERTS_TOPIC])[ALERTS_TOPIC].result(_FLUSH_SECONDS)
    deadline = time.monotonic() + _FLUSH_SECONDS
    while ALERTS_TOPIC in client.list_topics(timeout=30).topics:
        if time.monotonic() > deadline:
            raise BenchError(f"The broker does not delete {ALERTS_TOPIC}.")
        time.sleep(_PAUSE_SECONDS)
    create_topics(kafka)


def _producer(kafka: KafkaSettings, messages_per_request: int) -> Producer:
    """Requests are full: nothing is sent for having waited, but the last.

    An idempotent producer takes milliseconds for each small request when thousands wait; nothing here needs one.
    """
    return producer(
        kafka,
        **{
            "enable.idempotence": False,
            "acks": 1,
            "max.in.flight": 50,
            "batch.num.messages": messages_per_request,
            "batch.size": 900_000,
            "linger.ms": 500,
            "queue.buffering.max.messages": max(5 * _AT_ONCE, 50 * messages_per_request),
        },
    )


def _send(client: Producer, topic: str, messages: Iterable[_Message], partition: int) -> None:
    for batch in _batches(messages):
        waiting = batch
        while waiting:
            if client.produce_batch(topic, waiting, partition) == len(waiting):
                break
            waiting = [message for message in waiting if message.pop("_error", None)]
            client.poll(_FULL_SECONDS)
        client.poll(0)


def _batches(messages: Iterable[_Message]) -> Iterator[list[_Message]]:
    source = iter(messages)
    while batch := list(islice(source, _AT_ONCE)):
        yield batch


def _flush(client: Producer) -> None:
    if client.flush(_FLUSH_SECONDS):
        raise BenchError("The broker did not take all messages of the bench.")
