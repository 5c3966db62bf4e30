"""The cache: where it is, and digests that see every change."""

from pathlib import Path

import pytest

from platestream.errors import ConfigError
from streams.embedded.cache import cache_folder, content_sha256_of, hold_cache, sha256_of


def test_the_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "platestream"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder().is_relative_to(Path.home())


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "none") is None


def test_content_sees_names_bytes_and_additions(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    assert content_sha256_of(folder) is None
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "a").write_text("1")
    seen = [content_sha256_of(folder)]
    (folder / "lib" / "a").write_text("2")
    seen.append(content_sha256_of(folder))
    (folder / "lib" / "a").rename(folder / "lib" / "b")
    seen.append(content_sha256_of(folder))
    (folder / "c").write_text("")
    seen.append(content_sha256_of(folder))
    assert len(set(seen)) == 4


def test_unfinished_things_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "half.jar").write_text("half")
    with hold_cache(tmp_path) as unfinished:
        assert list(unfinished.iterdir()) == []
        (unfinished / "more").write_text("")
    assert not unfinished.exists()


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="set XDG_CACHE_HOME"), hold_cache(tmp_path / "file" / "cache"):
        pass
