"""Puts a full list in force: new and changed entries onto `hotlist-entries`, tombstones for those no longer on it.

Safe to repeat: entries keep their ids, so a load that was cut off is completed by the next one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from platestream.errors import InvalidMessage, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import HotlistEntry
from schemas.plates import hotlist_key
from streams.clients import consumer, producer
from streams.hotlists.files import HotlistFile
from streams.hotlists.kinds import check_kind
from streams.hotlists.templates import HotlistTemplate

TOPIC = "hotlist-entries"
_SILENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What the broker has acknowledged."""

    published: int
    removed: int


def load_file(
    kafka: KafkaSettings,
    codec: Codec,
    file: HotlistFile,
    template: HotlistTemplate,
    *,
    force: bool = False,
    topic: str = TOPIC,
) -> LoadResult:
    """Put a file that was read with `template` in force; `force` lifts its limit of change. Raises as load_hotlist."""
    most_change = None if force else template.most_change
    return load_hotlist(kafka, codec, template.source, file.entries, most_change=most_change, topic=topic)


def load_hotlist(
    kafka: KafkaSettings,
    codec: Codec,
    source: str,
    entries: Iterable[HotlistEntry],
    *,
    most_change: float | None = 0.5,
    topic: str = TOPIC,
) -> LoadResult:
    """Make `entries` the whole list of `source`; other sources' entries stay.

    Raises InvalidMessage, and leaves the list in force as it is, when an entry breaks a rule of its match kind, or when
    the list would grow or shrink by more than the share `most_change`; None lifts that limit. Raises TransientError
    when the broker is away.
    """
    wanted = {hotlist_key(entry.plate, entry.entry_id): _encode(codec, entry) for entry in entries}
    listed = keys_of(kafka, codec, source, topic)
    if most_change is not None:
        _check_change(len(listed), len(wanted), most_change)
    gone = listed - wanted.keys()
    _publish(kafka, topic, {**wanted, **dict.fromkeys(gone)})
    return LoadResult(published=len(wanted), removed=len(gone))


def _encode(codec: Codec, entry: HotlistEntry) -> bytes:
    check_kind(entry)
    return codec.encode(entry)


def keys_of(kafka: KafkaSettings, codec: Codec, source: str, topic: str = TOPIC) -> set[bytes]:
    """Keys of a source's entries now on the topic; messages that are no entries belong to no source."""
    keys: set[bytes] = set()
    reading = consumer(kafka, "hotlists", **{"enable.partition.eof": True, "fetch.wait.max.ms": 10})
    try:
        reading.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        for message in _until_end(reading):
            _note(keys, message, codec, source)
    except KafkaException as error:
        raise TransientError(f"{topic}[0] cannot be read: {error.args[0].str()}.") from error
    finally:
        reading.close()
    return keys


def _until_end(reading: Consumer) -> Iterator[Message]:
    while (message := reading.poll(_SILENCE_SECONDS)) is not None:  # a tombstone is false
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def _note(keys: set[bytes], message: Message, codec: Codec, source: str) -> None:
    key, value = message.key() or b"", message.value()
    keys.discard(key)
    try:
        entry = codec.decode(value) if value is not None else None
    except InvalidMessage:
        return
    if isinstance(entry, HotlistEntry) and entry.source == source:
        keys.add(key)


def _check_change(listed: int, wanted: int, most_change: float) -> None:
    if listed and abs(wanted - listed) > listed * most_change:
        raise InvalidMessage(
            "changed-too-much",
            f"The list in force has {listed} entries, the new one {wanted}: a change of more than {most_change:.0%}. "
            "The old list stays in force; check the file, and force it if it is right.",
        )


def _publish(kafka: KafkaSettings, topic: str, messages: Mapping[bytes, bytes | None]) -> None:
    """Returns when all are acknowledged. Raises TransientError when one is not."""
    sending = producer(kafka)
    failures: list[str] = []

    def acknowledged(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    for key, value in messages.items():
        while True:
            try:
                sending.produce(topic, key=key, value=value, partition=0, on_delivery=acknowledged)
                break
            except BufferError:
                sending.poll(0.1)
    if unsent := sending.flush(_SILENCE_SECONDS):
        failures.append(f"{unsent} were not acknowledged in {_SILENCE_SECONDS} s")
    if failures:
        raise TransientError(f"The list is not wholly on {topic}: {failures[0]}. Load it again.")
