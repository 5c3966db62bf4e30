"""Pictures from the real broker into a folder: checked against their hash, late ones not, bad ones aside."""

import threading
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from platestream.errors import TransientError
from platestream.metrics import PICTURES_OVERDUE
from schemas.framing import ROLL_MARKER, frame
from schemas.messages import Picture, PictureKind
from sinks.pictures.keys import Shelf
from sinks.pictures.store import PictureStore, day_of
from tests.integration.sinks.conftest import Bench, wait_until
from tests.storing import NOW, a_picture, a_read, an_image

DAY = timedelta(days=1)


@pytest.fixture
def pictures(bench: Bench) -> PictureStore:
    return PictureStore(bench.settings)


def kept(store: PictureStore, picture: Picture) -> bytes:
    return store.read(day_of(picture.collected_at), picture.read_id, picture.kind)


def files(bench: Bench) -> int:
    return len(list((bench.home / "pictures").rglob("*.sealed")))


def test_pictures_are_kept_by_day_read_and_kind(bench: Bench, pictures: PictureStore) -> None:
    sent = [a_picture(event, content=an_image((event, kind)), kind=kind) for event in (1, 2) for kind in PictureKind]
    bench.produce([bench.codec.encode(picture) for picture in sent])
    bench.keep_all(bench.picture_sink(pictures), len(sent))
    assert [kept(pictures, picture) for picture in sent] == [picture.content for picture in sent]
    assert files(bench) == len(sent)


def test_a_large_picture_passes(bench: Bench, pictures: PictureStore) -> None:
    large = a_picture(content=an_image(format_="PNG", side=2500))
    assert 6_000_000 < len(large.content) < bench.settings.storage.max_picture_bytes
    bench.produce([bench.codec.encode(large)])
    bench.keep_all(bench.picture_sink(pictures), 1)
    assert kept(pictures, large) == large.content


def test_a_picture_that_comes_again_is_the_same_file(bench: Bench, pictures: PictureStore) -> None:
    value = bench.codec.encode(a_picture())
    bench.produce([value, value], partition=0)
    bench.keep_all(bench.picture_sink(pictures), 2)
    bench.produce([value], partition=0)
    bench.keep_all(bench.picture_sink(pictures), 3)
    assert files(bench) == 1


@pytest.mark.rule("retention.sixty-days")
def test_a_picture_whose_day_is_due_is_counted_and_never_kept(bench: Bench, pictures: PictureStore) -> None:
    midnight = datetime.combine(NOW.date(), time(tzinfo=UTC))
    bench.clock.at = midnight + timedelta(hours=23)
    late = a_picture(1, collected_at=midnight - 59 * DAY - timedelta(milliseconds=1))
    in_time = a_picture(2, collected_at=midnight - 59 * DAY)
    overdue = PICTURES_OVERDUE._value.get()
    bench.produce([bench.codec.encode(late), bench.codec.encode(in_time)])
    bench.keep_all(bench.picture_sink(pictures), 2)
    assert kept(pictures, in_time) == in_time.content
    assert files(bench) == 1
    assert PICTURES_OVERDUE._value.get() == overdue + 1


@pytest.mark.rule("retention.sixty-days")
def test_a_picture_that_comes_as_its_day_is_destroyed_is_counted_and_not_kept(
    bench: Bench, pictures: PictureStore
) -> None:
    picture = a_picture()
    pictures.destroy(day_of(picture.collected_at))
    overdue = PICTURES_OVERDUE._value.get()
    bench.produce([bench.codec.encode(picture)])
    bench.keep_all(bench.picture_sink(pictures), 1)
    assert pictures.count(day_of(picture.collected_at)).is_empty
    assert PICTURES_OVERDUE._value.get() == overdue + 1


def test_a_marker_that_rolls_the_log_is_no_message(bench: Bench, pictures: PictureStore) -> None:
    bench.produce([ROLL_MARKER, bench.codec.encode(a_picture())], partition=0)
    bench.keep_all(bench.picture_sink(pictures), 2)
    assert files(bench) == 1
    assert bench.dead_letters() == []


def test_what_is_no_sound_picture_is_a_dead_letter(bench: Bench, pictures: PictureStore) -> None:
    good = a_picture()
    value = bench.codec.encode(good)
    bad: dict[bytes | None, str] = {
        None: "not-framed",
        b"\xff\xd8": "not-framed",
        frame(999_999, value[5:]): "unknown-schema",
        bench.codec.encode(a_read()): "unknown-schema",
        value[:60]: "bad-avro",
        bench.codec.encode(a_picture(2, sha256=bytes(32))): "hash-differs",
        bench.codec.encode(a_picture(3, collected_at=NOW + 3 * DAY)): "collected-ahead",
        bench.codec.encode(a_picture(4, content=b"GIF89a" + bytes(60))): "picture-of-other-type",
        bench.codec.encode(a_picture(5, content=an_image()[:-20])): "picture-not-decodable",
    }
    bench.produce([*bad, value], partition=0)
    bench.keep_all(bench.picture_sink(pictures), len(bad) + 1)
    assert {letter.value: letter.reason for letter in bench.dead_letters()} == bad
    assert kept(pictures, good) == good.content
    assert files(bench) == 1


def test_of_a_large_one_the_dead_letter_only_says_where_it_was(bench: Bench, pictures: PictureStore) -> None:
    bench.produce([bench.codec.encode(a_picture(content=bytes(2_000_000)))], partition=1)
    bench.keep_all(bench.picture_sink(pictures), 1)
    [letter] = bench.dead_letters()
    assert (letter.reason, letter.partition, letter.offset) == ("picture-of-other-type", 1, 0)
    assert (letter.key, letter.value) == (None, None)


class _Failing(PictureStore):
    """A store whose disk is full for the first writes."""

    def __init__(self, bench: Bench, failures: int) -> None:
        super().__init__(bench.settings)
        self.left = failures
        self._lock = threading.Lock()

    def write(self, shelf: Shelf, read_id: UUID, kind: PictureKind, content: bytes) -> None:
        with self._lock:
            self.left -= 1
            if self.left >= 0:
                raise OSError("no space left")
        super().write(shelf, read_id, kind, content)


def test_while_the_store_is_full_nothing_is_committed_and_nothing_is_lost(bench: Bench) -> None:
    sent = [a_picture(event) for event in range(5)]
    bench.produce([bench.codec.encode(picture) for picture in sent], partition=0)
    store = _Failing(bench, failures=12)
    with bench.running(bench.picture_sink(store)) as errors:
        wait_until(lambda: store.left < 7, "the first attempts")
        assert bench.committed() == 0
        wait_until(lambda: errors or bench.committed() == 5, "the commit")
    assert not errors
    assert [kept(store, picture) for picture in sent] == [picture.content for picture in sent]


def test_when_the_store_stays_full_the_process_ends_with_nothing_committed(bench: Bench) -> None:
    bench.produce([bench.codec.encode(a_picture())], partition=0)
    with bench.running(bench.picture_sink(_Failing(bench, failures=1000)), patience_seconds=1) as errors:
        wait_until(lambda: errors, "the end of the sink")
    assert isinstance(errors[0], TransientError)
    assert bench.committed() == 0
