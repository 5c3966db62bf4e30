"""What is particular to pictures in a folder; what all stores must do is in the contract test."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from platestream.errors import ConfigError, IntegrityError
from platestream.settings import Settings, StorageSettings
from schemas.messages import PictureKind
from sinks.pictures.store import PictureStore, day_of

DAY = date(2026, 5, 4)
READ = UUID("7b0c7f5e-0000-5000-8000-000000000001")
PLATE = PictureKind.PLATE


def files(home: Path, folder: str) -> list[str]:
    return sorted(str(path.relative_to(home / folder)) for path in (home / folder).rglob("*") if path.is_file())


def test_files_and_keys_lie_apart_and_are_for_their_owner_only(tmp_path: Path) -> None:
    PictureStore(Settings(home=tmp_path)).write(DAY, READ, PLATE, b"plate")
    assert files(tmp_path, "pictures") == [f"2026-05-04/{READ}/PLATE.sealed", "store.id"]
    assert files(tmp_path, "keys/pictures") == ["days/2026-05-04.key", "store.id"]
    assert [path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077] == []


def test_the_keys_may_lie_on_another_volume(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", storage=StorageSettings(picture_keys_folder=tmp_path / "volume"))
    PictureStore(settings).write(DAY, READ, PLATE, b"plate")
    assert files(tmp_path, "volume") == ["days/2026-05-04.key", "store.id"]
    assert not (tmp_path / "home" / "keys").exists()


def test_a_write_that_is_cut_off_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = PictureStore(Settings(home=tmp_path))
    pictures.write(DAY, READ, PLATE, b"old")

    def cut_off(_: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(os, "fsync", cut_off)
        pictures.write(DAY, READ, PLATE, b"new")
    assert pictures.read(DAY, READ, PLATE) == b"old"
    pictures.write(DAY, READ, PLATE, b"new")
    assert pictures.read(DAY, READ, PLATE) == b"new"
    assert pictures.count(DAY).pictures == 1


_KILLED_AT_EACH_STEP = """
import os, signal, sys
from datetime import date
from pathlib import Path
from uuid import UUID
from platestream.settings import Settings
from schemas.messages import PictureKind
from sinks.pictures.store import PictureStore

def killing(call):
    def step(*args, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **options)
    return step

for name in ("fsync", "link", "replace", "rename", "unlink"):
    setattr(os, name, killing(getattr(os, name)))
for left in range(100):
    if not (child := os.fork()):
        store = PictureStore(Settings(home=Path(sys.argv[1], str(left))))
        store.write(date(2026, 5, 4), UUID("7b0c7f5e-0000-5000-8000-000000000001"), PictureKind.PLATE, b"plate")
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status)
    if status != -signal.SIGKILL:
        break
"""


def test_a_kill_at_any_step_leaves_no_picture_without_its_key(tmp_path: Path) -> None:
    """Each step that touches the disk is the last one once; then another process goes on."""
    done = subprocess.run([sys.executable, "-c", _KILLED_AT_EACH_STEP, str(tmp_path)], capture_output=True, check=True)
    outcomes = done.stdout.split()
    assert outcomes == [b"-9"] * (len(outcomes) - 1) + [b"0"]
    assert len(outcomes) > 10
    for step in range(len(outcomes)):
        home = tmp_path / str(step)
        pictures = PictureStore(Settings(home=home))
        if (home / "pictures" / "2026-05-04" / str(READ) / "PLATE.sealed").exists():
            assert pictures.read(DAY, READ, PLATE) == b"plate"
        pictures.write(DAY, READ, PLATE, b"plate")
        assert pictures.read(DAY, READ, PLATE) == b"plate"
        assert pictures.shelves() == {DAY}
        pictures.destroy(DAY)
        left = [*files(home, "pictures"), *files(home, "keys/pictures")]
        assert [name for name in left if "store.id" not in name] == []


def test_when_the_volume_of_pictures_is_away_nothing_is_counted_as_gone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    PictureStore(settings).write(DAY, READ, PLATE, b"plate")
    (tmp_path / "pictures").rename(tmp_path / "unmounted")
    with pytest.raises(IntegrityError, match="not mounted"):
        PictureStore(settings).count(DAY)
    with pytest.raises(IntegrityError, match="not mounted"):
        PictureStore(settings).shelves()


def test_when_the_volume_of_keys_is_away_no_second_key_is_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    PictureStore(settings).write(DAY, READ, PLATE, b"plate")
    (tmp_path / "keys" / "pictures").rename(tmp_path / "unmounted")
    with pytest.raises(IntegrityError, match="not mounted"):
        PictureStore(settings).write(DAY, READ, PLATE, b"plate")
    assert not list((tmp_path / "keys").rglob("*.key"))


def test_the_day_is_that_of_collection_in_utc() -> None:
    evening_in_saint_paul = datetime(2026, 5, 3, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert day_of(evening_in_saint_paul) == DAY
    assert day_of(datetime(2026, 5, 4, 23, 59, tzinfo=UTC)) == DAY


def test_an_address_nobody_serves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"storage\.pictures_url cannot be used"):
        PictureStore(Settings(home=tmp_path, storage=StorageSettings(pictures_url="nosuch://bucket")))
