"""Backups go by their date; one whose medium is away is unknown, not gone."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from platestream.retention import first_kept
from platestream.settings import Settings
from sinks.retention.backups import Backups, backups_place, register

AT = datetime(2026, 3, 10, tzinfo=UTC)  # a midnight
BEFORE = first_kept(AT + timedelta(hours=5), 60)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def backups(settings: Settings) -> Backups:
    return backups_place(settings)


def make(settings: Settings, folder: Path, destroy_by: datetime) -> Path:
    register(settings, folder, destroy_by)
    (folder / "ledger").mkdir(parents=True)
    (folder / "manifest.json").write_text("salt")
    (folder / "ledger" / "00000000").write_text("sealed")
    return folder


@pytest.mark.rule("retention.sixty-days")
def test_those_past_their_date_are_counted_and_destroyed_the_others_stay(
    settings: Settings, backups: Backups, tmp_path: Path
) -> None:
    overdue = make(settings, tmp_path / "medium" / "a", AT)
    fresh = make(settings, tmp_path / "medium" / "b", AT + timedelta(days=1))
    assert backups.due(BEFORE) == 1
    backups.destroy(BEFORE)
    assert backups.due(BEFORE) == 0
    assert not overdue.exists()
    assert fresh.exists()
    assert backups.due(BEFORE + timedelta(days=1)) == 1


@pytest.mark.rule("retention.sixty-days")
def test_one_that_was_killed_while_it_was_made_is_destroyed_too(
    settings: Settings, backups: Backups, tmp_path: Path
) -> None:
    overdue = make(settings, tmp_path / "medium" / "a", AT)
    (overdue / "manifest.json").unlink()
    assert backups.due(BEFORE) == 1
    backups.destroy(BEFORE)
    assert not overdue.exists()
    register(settings, tmp_path / "medium" / "never-written", AT)
    assert backups.due(BEFORE) == 0


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize("instead", ["nothing", "an empty folder", "another medium"])
def test_a_medium_that_is_away_is_unknown_until_it_is_back(
    settings: Settings, backups: Backups, tmp_path: Path, instead: str
) -> None:
    make(settings, tmp_path / "medium" / "a", AT)
    make(settings, tmp_path / "second" / "b", AT)
    (tmp_path / "medium").rename(tmp_path / "away")
    if instead != "nothing":
        (tmp_path / "medium").mkdir()
    if instead == "another medium":
        (tmp_path / "medium" / "backups.id").write_text("another")
    assert backups.due(BEFORE) is None
    backups.destroy(BEFORE)
    assert not (tmp_path / "second" / "b").exists()
    assert backups.due(BEFORE) is None
    shutil.rmtree(tmp_path / "medium", ignore_errors=True)
    (tmp_path / "away").rename(tmp_path / "medium")
    assert backups.due(BEFORE) == 1
    backups.destroy(BEFORE)
    assert backups.due(BEFORE) == 0
    assert not (tmp_path / "medium" / "a").exists()


def test_a_medium_that_is_away_matters_only_once_the_date_has_come(
    settings: Settings, backups: Backups, tmp_path: Path
) -> None:
    make(settings, tmp_path / "medium" / "a", AT + timedelta(days=1))
    (tmp_path / "medium").rename(tmp_path / "away")
    assert backups.due(BEFORE) == 0


def test_a_damaged_note_is_unknown(settings: Settings, backups: Backups, tmp_path: Path) -> None:
    make(settings, tmp_path / "medium" / "a", AT)
    [note] = (settings.home / "backups").glob("*.json")
    note.write_text("{")
    assert backups.due(BEFORE) is None


def test_a_copy_of_a_backup_is_a_place_of_its_own(settings: Settings, backups: Backups, tmp_path: Path) -> None:
    make(settings, tmp_path / "medium" / "a", AT)
    make(settings, tmp_path / "second" / "a", AT)
    assert backups.due(BEFORE) == 2


@pytest.mark.rule("retention.exculpatory")
def test_a_hold_is_taken_out_of_the_backups_within_reach(settings: Settings, backups: Backups, tmp_path: Path) -> None:
    ended, other = uuid4(), uuid4()
    for name in ("medium", "second"):
        folder = make(settings, tmp_path / name / "a", AT)
        for hold in (ended, other):
            (folder / "holds" / str(hold)).mkdir(parents=True)
    (tmp_path / "second").rename(tmp_path / "away")
    assert len(backups.of_hold(ended)) == 1
    backups.destroy_hold(ended)
    backups.destroy_hold(ended)
    assert backups.of_hold(ended) == []
    assert len(backups.of_hold(other)) == 1
    (tmp_path / "away").rename(tmp_path / "second")
    assert [path.parts[-4] for path in backups.of_hold(ended)] == ["second"]
