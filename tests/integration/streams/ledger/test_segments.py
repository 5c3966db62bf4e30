"""A byte that changes in the broker's files is found, and placed at its event."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platestream.errors import IntegrityError
from schemas.codec import Codec
from streams.embedded.stack import EmbeddedStack
from streams.ledger.events import new_event
from streams.ledger.kafka import KafkaLedger
from streams.ledger.people import AuthorizationRevoked
from streams.ledger.proof import Event, Fault
from streams.ledger.reading import read_topic
from streams.ledger.segments import read_segments
from streams.ledger.verification import verify_events
from streams.registry import register_schemas
from tests.ledger_topic import new_ledger_topic

NOW = datetime(2026, 3, 10, tzinfo=UTC)
COUNT = 4


@contextmanager
def open_ledger(stack: EmbeddedStack, topic: str) -> Iterator[KafkaLedger[int]]:
    codec = Codec(register_schemas(stack.registry_url))
    ledger = KafkaLedger(stack.settings.kafka, codec, count, 0, topic=topic, timeout_seconds=20)
    try:
        yield ledger
    finally:
        ledger.close()


def count(state: int, offset: int, event: object) -> int:
    return state + 1


@pytest.fixture
def written(stack: EmbeddedStack) -> tuple[str, Path]:
    """A topic with four events, and its only segment file."""
    topic = new_ledger_topic(stack.settings.kafka)
    with open_ledger(stack, topic) as ledger:
        for number in range(COUNT):
            body = AuthorizationRevoked(person_id=f"person-{number}", revoked_by="a", reason="moved")
            ledger.append(new_event(body, at=NOW, actor_id="a", subject_id=f"person-{number}"))
    [file] = stack.settings.home.rglob(f"{topic}-0/*.log")
    return topic, file


def flip(file: Path, at: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 1]))


def starts(content: bytes) -> list[int]:
    """Where each batch begins."""
    found = [0]
    while (at := found[-1] + 12 + int.from_bytes(content[found[-1] + 8 : found[-1] + 12])) < len(content):
        found.append(at)
    return found


def test_every_byte_of_a_segment_counts(written: tuple[str, Path], tmp_path: Path) -> None:
    topic, original = written
    content = original.read_bytes()
    (tmp_path / "leader-epoch-checkpoint").write_bytes((original.parent / "leader-epoch-checkpoint").read_bytes())
    copy = tmp_path / original.name
    copy.write_bytes(content)
    assert verify_events(read_segments(tmp_path), topic).faults == []
    begins = starts(content)
    assert len(begins) == COUNT
    for at in range(len(content)):
        copy.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        faults = verify_events(read_segments(tmp_path), topic).faults
        event = max(number for number, begin in enumerate(begins) if begin <= at)
        assert {fault.offset for fault in faults} == {event}, (at, faults)


def test_a_file_that_was_cut_or_taken_away_is_found(written: tuple[str, Path], tmp_path: Path) -> None:
    topic, original = written
    content = original.read_bytes()
    (tmp_path / "leader-epoch-checkpoint").write_bytes((original.parent / "leader-epoch-checkpoint").read_bytes())
    (tmp_path / original.name).write_bytes(content[:-5])
    assert {fault.offset for fault in verify_events(read_segments(tmp_path), topic).faults} == {COUNT - 1}
    (tmp_path / original.name).rename(tmp_path / f"{2:020}.log")
    assert verify_events(read_segments(tmp_path), topic).faults


def found_on(stack: EmbeddedStack, topic: str, timeout_seconds: float = 20) -> list[Event | Fault]:
    return list(read_topic(stack.settings.kafka, topic, timeout_seconds))


def test_the_broker_itself_shows_that_an_event_was_changed(stack: EmbeddedStack, written: tuple[str, Path]) -> None:
    topic, file = written
    assert verify_events(found_on(stack, topic), topic).faults == []
    second = starts(file.read_bytes())[1]
    flip(file, second + 90)
    assert [(fault.kind, fault.offset) for fault in verify_events(found_on(stack, topic), topic).faults] == [
        ("changed", 1)
    ]
    with open_ledger(stack, topic) as ledger:
        wait_until_unsound(ledger, "bytes that were changed behind event 0")


@pytest.mark.parametrize("place", [2, 9, 16])
def test_a_damaged_frame_is_found_through_the_broker(
    stack: EmbeddedStack, written: tuple[str, Path], place: int
) -> None:
    topic, file = written
    flip(file, starts(file.read_bytes())[1] + place)
    faults = verify_events(found_on(stack, topic, timeout_seconds=5), topic).faults
    assert 1 in {fault.offset for fault in faults}


def wait_until_unsound(ledger: KafkaLedger[int], words: str) -> None:
    def is_unsound() -> bool:
        try:
            ledger.check_sound()
        except IntegrityError as error:
            assert words in str(error)
            return True
        return False

    until(is_unsound)


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
