"""One home, one owner; and room on its disk."""

import os
import shutil
from pathlib import Path

import pytest

from platestream.errors import ConfigError
from streams.embedded.home import hold_home


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with hold_home(home), pytest.raises(ConfigError, match=f"in use by process {os.getpid()};"), hold_home(home):
        pass
    with hold_home(home):
        pass


def test_home_is_for_its_owner_alone(tmp_path: Path) -> None:
    with hold_home(tmp_path / "new" / "home"):
        assert (tmp_path / "new" / "home").stat().st_mode & 0o077 == 0


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="set PLATESTREAM_HOME"), hold_home(tmp_path / "file" / "home"):
        pass


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=50 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(ConfigError, match="50 MiB free, 1024 are needed; make room or"), hold_home(tmp_path):
        pass
