"""Pictures in a folder or in any fsspec store, at <day>/<read id>/<KIND>.jpg, whole or not at all."""

import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from platestream.errors import ConfigError
from platestream.settings import Settings, StorageSettings
from schemas.messages import PictureKind
from sinks.pictures.store import PictureStore, day_of

DAY = date(2026, 5, 4)
READ = UUID("7b0c7f5e-0000-5000-8000-000000000001")


@pytest.fixture(params=["folder", "memory"])
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> PictureStore:
    url = None if request.param == "folder" else f"memory://{tmp_path.name}-{uuid4()}"
    return PictureStore(Settings(home=tmp_path, storage=StorageSettings(pictures_url=url)))


def test_a_picture_reads_back(pictures: PictureStore) -> None:
    pictures.write(DAY, READ, PictureKind.PLATE, b"plate")
    pictures.write(DAY, READ, PictureKind.VEHICLE, b"vehicle")
    assert pictures.read(DAY, READ, PictureKind.PLATE) == b"plate"
    assert pictures.read(DAY, READ, PictureKind.VEHICLE) == b"vehicle"


def test_writing_again_changes_nothing(pictures: PictureStore) -> None:
    for _ in range(2):
        pictures.write(DAY, READ, PictureKind.PLATE, b"plate")
    assert pictures.read(DAY, READ, PictureKind.PLATE) == b"plate"


def test_one_that_is_not_there_is_said_so(pictures: PictureStore) -> None:
    with pytest.raises(FileNotFoundError):
        pictures.read(DAY, READ, PictureKind.SURROUNDINGS)


def test_files_lie_under_day_and_read_and_are_for_their_owner_only(tmp_path: Path) -> None:
    PictureStore(Settings(home=tmp_path)).write(DAY, READ, PictureKind.PLATE, b"plate")
    file = tmp_path / "pictures" / "2026-05-04" / str(READ) / "PLATE.jpg"
    assert [found for found in (tmp_path / "pictures").rglob("*") if found.is_file()] == [file]
    assert [path.stat().st_mode & 0o077 for path in (file, file.parent, file.parent.parent)] == [0, 0, 0]


def test_a_write_that_is_cut_off_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = PictureStore(Settings(home=tmp_path))
    pictures.write(DAY, READ, PictureKind.PLATE, b"old")

    def cut_off(_: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(os, "fsync", cut_off)
        pictures.write(DAY, READ, PictureKind.PLATE, b"new")
    assert pictures.read(DAY, READ, PictureKind.PLATE) == b"old"
    pictures.write(DAY, READ, PictureKind.PLATE, b"new")
    assert pictures.read(DAY, READ, PictureKind.PLATE) == b"new"


def test_the_day_is_that_of_collection_in_utc() -> None:
    evening_in_saint_paul = datetime(2026, 5, 3, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert day_of(evening_in_saint_paul) == DAY
    assert day_of(datetime(2026, 5, 4, 23, 59, tzinfo=UTC)) == DAY


def test_an_address_nobody_serves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"storage\.pictures_url cannot be used"):
        PictureStore(Settings(home=tmp_path, storage=StorageSettings(pictures_url="nosuch://bucket")))
