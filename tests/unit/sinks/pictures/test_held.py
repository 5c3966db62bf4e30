"""A hold has its own copy under its own key; a picture is found wherever a copy is left."""

import hashlib
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from platestream.errors import IntegrityError
from platestream.settings import Settings
from schemas.messages import PictureKind
from sinks.pictures.held import StoredAs, fetch_picture, hold_picture
from sinks.pictures.store import PictureStore, ShelfCount
from tests.storing import an_image

DAY = date(2026, 5, 4)
READ = UUID("7b0c7f5e-0000-5000-8000-000000000001")
HOLD, OTHER_HOLD = uuid4(), uuid4()
JPEG, PNG = an_image(), an_image(format_="PNG")


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    store = PictureStore(Settings(home=tmp_path))
    store.write(DAY, READ, PictureKind.PLATE, JPEG)
    return store


def stored(content: bytes = JPEG, *holds: UUID, kind: PictureKind = PictureKind.PLATE) -> StoredAs:
    return StoredAs(day=DAY, read_id=READ, kind=kind, sha256=hashlib.sha256(content).digest(), holds=holds)


def test_it_is_fetched_from_its_day_with_its_type(store: PictureStore) -> None:
    store.write(DAY, READ, PictureKind.VEHICLE, PNG)
    assert fetch_picture(store, stored()).content == JPEG
    assert fetch_picture(store, stored()).media_type == "image/jpeg"
    assert fetch_picture(store, stored(PNG, kind=PictureKind.VEHICLE)).media_type == "image/png"


@pytest.mark.rule("evidence.copy")
def test_the_held_copy_outlives_the_day_under_its_own_key(store: PictureStore) -> None:
    assert hold_picture(store, stored(), HOLD)
    assert not hold_picture(store, stored(), HOLD)
    assert store.count(HOLD) == ShelfCount(1, 1)
    store.destroy(DAY)
    assert fetch_picture(store, stored(JPEG, OTHER_HOLD, HOLD)).content == JPEG
    with pytest.raises(FileNotFoundError):
        fetch_picture(store, stored())
    with pytest.raises(FileNotFoundError):
        fetch_picture(store, stored(JPEG, OTHER_HOLD))


def test_when_a_hold_is_destroyed_others_and_the_day_keep_theirs(store: PictureStore) -> None:
    for hold in (HOLD, OTHER_HOLD):
        hold_picture(store, stored(), hold)
    assert store.destroy(HOLD) == ShelfCount(1, 1)
    assert store.count(HOLD).is_empty
    assert store.read(OTHER_HOLD, READ, PictureKind.PLATE) == store.read(DAY, READ, PictureKind.PLATE) == JPEG


def test_a_second_hold_copies_from_the_first_when_the_day_is_gone(store: PictureStore) -> None:
    hold_picture(store, stored(), HOLD)
    store.destroy(DAY)
    assert hold_picture(store, stored(JPEG, HOLD), OTHER_HOLD)
    assert store.read(OTHER_HOLD, READ, PictureKind.PLATE) == JPEG


def test_a_picture_that_has_not_come_yet_is_said_so(store: PictureStore) -> None:
    with pytest.raises(FileNotFoundError):
        hold_picture(store, stored(kind=PictureKind.VEHICLE), HOLD)
    assert store.count(HOLD).is_empty


def test_one_that_is_not_what_the_read_says_is_never_given_out(store: PictureStore) -> None:
    with pytest.raises(IntegrityError, match="another hash"):
        fetch_picture(store, stored(PNG))
    with pytest.raises(IntegrityError, match="another hash"):
        hold_picture(store, stored(PNG), HOLD)
