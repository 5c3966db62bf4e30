"""Full lists onto the real topic: repeated, changed, shrunk, beside others' entries."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from confluent_kafka.admin import NewTopic

from platestream.errors import InvalidMessage, TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import HotlistEntry, MatchKind
from schemas.plates import hotlist_key
from streams.clients import admin, consumer, producer
from streams.hotlists import load
from streams.hotlists.files import read_hotlist
from streams.hotlists.load import LoadResult, load_file, load_hotlist
from streams.hotlists.templates import HotlistTemplate
from streams.topics import create
from tests.matching import NOW, an_entry


@pytest.fixture
def topic(kafka: KafkaSettings) -> Iterator[str]:
    name, client = f"hotlist-{os.urandom(4).hex()}", admin(kafka)
    create(client, [NewTopic(name, 1, 1, config={"cleanup.policy": "compact"})])
    yield name
    client.delete_topics([name])[name].result(30)


def in_force(kafka: KafkaSettings, codec: Codec, topic: str) -> dict[bytes, HotlistEntry]:
    """What a worker would hold: the last value of each key, without tombstones and rubbish."""
    reading = consumer(kafka, "test", **{"enable.partition.eof": True})
    last: dict[bytes, bytes | None] = {}
    reading.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    while (message := reading.poll(30)) is not None and message.error() is None:
        last[message.key()] = message.value()
    reading.close()
    return {key: codec.decode(value) for key, value in last.items() if value is not None and value != b"rubbish"}


def keyed(entries: Iterable[HotlistEntry]) -> dict[bytes, HotlistEntry]:
    return {hotlist_key(entry.plate, entry.entry_id): entry for entry in entries}


def test_a_list_is_replaced_as_a_whole_and_others_stay(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    others = [an_entry("AAA1", entry_id="o", source="other")]
    load_hotlist(kafka, codec, "other", others, topic=topic)
    first = [an_entry(f"AAA{number}", entry_id=str(number)) for number in range(4)]
    assert load_hotlist(kafka, codec, "state-file", first, topic=topic) == LoadResult(published=4, removed=0)
    assert load_hotlist(kafka, codec, "state-file", first, topic=topic) == LoadResult(published=4, removed=0)
    assert in_force(kafka, codec, topic) == keyed([*others, *first])

    second = [replace(first[0], priority=1), *first[1:3], an_entry("NEW1", entry_id="new")]
    assert load_hotlist(kafka, codec, "state-file", second, topic=topic) == LoadResult(published=4, removed=1)
    assert in_force(kafka, codec, topic) == keyed([*others, *second])
    assert load_hotlist(kafka, codec, "state-file", second, topic=topic).removed == 0


@pytest.mark.parametrize(("size", "is_taken"), [(4, False), (5, True), (10, True), (15, True), (16, False), (0, False)])
def test_a_list_that_changes_too_much_is_refused_unless_forced(
    kafka: KafkaSettings, codec: Codec, topic: str, size: int, is_taken: bool
) -> None:
    entries = [an_entry(f"AAA{number}", entry_id=str(number)) for number in range(16)]
    load_hotlist(kafka, codec, "state-file", entries[:10], topic=topic)
    if not is_taken:
        with pytest.raises(InvalidMessage, match=f"10 entries, the new one {size}") as refusal:
            load_hotlist(kafka, codec, "state-file", entries[:size], topic=topic)
        assert refusal.value.reason == "changed-too-much"
        assert in_force(kafka, codec, topic) == keyed(entries[:10])
    load_hotlist(kafka, codec, "state-file", entries[:size], topic=topic, most_change=None if not is_taken else 0.5)
    assert in_force(kafka, codec, topic) == keyed(entries[:size])


def test_an_entry_that_asks_for_too_much_is_not_published(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    load_hotlist(kafka, codec, "state-file", [an_entry()], topic=topic)
    for bad in (an_entry("AB?1*", match_kind=MatchKind.PARTIAL), an_entry(match_kind=MatchKind.FUZZY, priority=1)):
        with pytest.raises(InvalidMessage):
            load_hotlist(kafka, codec, "state-file", [an_entry(), bad], topic=topic)
    assert in_force(kafka, codec, topic) == keyed([an_entry()])


def test_rubbish_on_the_topic_does_not_stop_a_load(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    sending = producer(kafka)
    sending.produce(topic, key=b"rubbish", value=b"rubbish")
    sending.produce(topic, key=None, value=b"rubbish")
    sending.flush(30)
    entries = [an_entry()]
    assert load_hotlist(kafka, codec, "state-file", entries, topic=topic) == LoadResult(published=1, removed=0)
    assert in_force(kafka, codec, topic) == keyed(entries)


def test_a_topic_that_is_not_there_is_a_transient_error(
    kafka: KafkaSettings, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "_SILENCE_SECONDS", 1)
    with pytest.raises(TransientError, match="cannot be read"):
        load_hotlist(kafka, codec, "state-file", [], topic="no-such-topic")


def test_a_file_is_loaded_with_its_template(kafka: KafkaSettings, codec: Codec, topic: str) -> None:
    template = HotlistTemplate(source="demo", lawful_source="STATE_FILE", category="listed", valid_days=30)
    lines = ["PlateNumber,PlateState", *(f"DEM{number},MN" for number in range(10))]
    file = read_hotlist(lines, template, NOW)
    assert load_file(kafka, codec, file, template, topic=topic).published == 10
    assert in_force(kafka, codec, topic) == keyed(file.entries)
    short = read_hotlist(lines[:3], template, NOW)
    with pytest.raises(InvalidMessage):
        load_file(kafka, codec, short, template, topic=topic)
    assert load_file(kafka, codec, short, template, force=True, topic=topic).removed == 8
