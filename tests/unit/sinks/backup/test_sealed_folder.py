"""A backup opens whole, with its key, or not at all."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from platestream.errors import ConfigError, IntegrityError
from platestream.secret_files import write_secret
from sinks.backup.sealed_folder import MANIFEST, NewBackup, StoredBackup

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
PARTS = {"ledger/00000000": b"ABC123" * 10, "ledger/00000001": b"", "holds/1/a": b"KLM015", "holds/1/b": b"KLM015"}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_secret(tmp_path / "backup.key", bytes(range(32)))
    return tmp_path / "backup.key"


@pytest.fixture
def folder(tmp_path: Path, key: Path) -> Path:
    backup = NewBackup(tmp_path / "medium" / "one", key, uuid4())
    for name, content in PARTS.items():
        backup.add(name, content)
    backup.finish(AT, AT + timedelta(days=7), (2, bytes(32)), ())
    return tmp_path / "medium" / "one"


def test_what_was_added_comes_back_in_order_and_no_file_shows_it(folder: Path, key: Path) -> None:
    backup = StoredBackup(folder, key)
    assert dict(backup.parts("")) == PARTS
    assert [name for name, _ in backup.parts("ledger/")] == ["ledger/00000000", "ledger/00000001"]
    for file in folder.rglob("*"):
        assert not file.is_file() or (b"ABC123" not in file.read_bytes() and b"KLM015" not in file.read_bytes())


@pytest.mark.parametrize("name", [*PARTS, MANIFEST, "manifest.mac"])
def test_any_changed_byte_is_found_before_anything_is_given_out(folder: Path, key: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for at in range(0, len(content), max(1, len(content) // 40)):
        (folder / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises((ConfigError, IntegrityError)):
            StoredBackup(folder, key)
    (folder / name).write_bytes(content)
    StoredBackup(folder, key)


def test_a_part_that_is_missing_or_another_key_is_refused(folder: Path, key: Path, tmp_path: Path) -> None:
    write_secret(tmp_path / "other.key", bytes(32))
    with pytest.raises(IntegrityError, match="another key"):
        StoredBackup(folder, tmp_path / "other.key")
    (folder / "ledger/00000001").unlink()
    with pytest.raises(IntegrityError, match="ledger/00000001"):
        StoredBackup(folder, key)


def test_without_a_manifest_there_is_no_backup_and_a_short_key_makes_none(
    folder: Path, key: Path, tmp_path: Path
) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(ConfigError, match="no manifest"):
        StoredBackup(folder, key)
    write_secret(tmp_path / "short.key", bytes(31))
    with pytest.raises(ConfigError, match="too short"):
        NewBackup(tmp_path / "medium" / "two", tmp_path / "short.key", uuid4())


def test_a_hold_may_be_taken_out_whole_and_is_missed_when_it_is_asked_for(folder: Path, key: Path) -> None:
    (folder / "holds/1/a").unlink()
    with pytest.raises(IntegrityError, match="holds/1/a"):
        StoredBackup(folder, key)
    shutil.rmtree(folder / "holds" / "1")
    backup = StoredBackup(folder, key)
    assert dict(backup.parts("ledger/")).keys() == {"ledger/00000000", "ledger/00000001"}
    with pytest.raises(IntegrityError, match="holds/1/a"):
        list(backup.parts("holds/1/"))
