import stat
from pathlib import Path

import pytest

from platestream.errors import ConfigError
from platestream.secret_files import read_secret, write_secret


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "token.pem"
    assert write_secret(file, b"secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_secret(file) == b"secret"
    assert [entry.name for entry in file.parent.iterdir()] == ["token.pem"]


def test_a_secret_that_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "token.pem"
    write_secret(file, b"first")
    assert not write_secret(file, b"second")
    assert read_secret(file) == b"first"


def test_a_secret_open_to_others_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token.pem"
    write_secret(file, b"secret")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(file)


def test_a_missing_secret_says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"token\.pem cannot be read"):
        read_secret(tmp_path / "token.pem")
