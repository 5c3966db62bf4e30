"""The store of jars, with copies from a folder in place of downloads."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from platestream.errors import ConfigError
from streams.embedded.downloads import OnProgress
from streams.embedded.jars import JarStore
from streams.embedded.locked import Jar, JarLock
from tests.maven import publish_stack


@pytest.fixture
def lock(tmp_path: Path) -> JarLock:
    return publish_stack(tmp_path / "source")


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was downloaded, in order."""
    names: list[str] = []

    def copy(jars: Sequence[Jar], folder: Path, repositories: Mapping[str, str], on_progress: OnProgress) -> None:
        for jar in jars:
            names.append(jar.artifact)
            (folder / jar.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tmp_path / "source" / jar.file, folder / jar.file)

    monkeypatch.setattr("streams.embedded.jars.download", copy)
    return names


@pytest.fixture
def store(tmp_path: Path, lock: JarLock) -> JarStore:
    return JarStore(tmp_path / "cache", lock)


def test_a_second_fetch_downloads_nothing(store: JarStore, downloaded: list[str]) -> None:
    store.fetch()
    assert [file.name for file in store.kafka_class_path()] == ["a-1.jar", "b-1.jar"]
    assert (store.registry_folder() / "runner.jar").read_text() == "runner"
    assert downloaded == ["a", "b", "app"]
    store.fetch()
    assert downloaded == ["a", "b", "app"]


def test_a_changed_jar_is_fetched_again(store: JarStore, downloaded: list[str]) -> None:
    store.fetch()
    store.kafka_class_path()[1].write_text("other")
    store.fetch()
    assert store.kafka_class_path()[1].read_text() == "b"
    assert downloaded == ["a", "b", "app", "b"]


@pytest.mark.parametrize("name", ["runner.jar", "added.jar"])
def test_a_changed_registry_is_fetched_again(store: JarStore, downloaded: list[str], name: str) -> None:
    store.fetch()
    (store.registry_folder() / name).write_text("other")
    store.fetch()
    assert [(file.name, file.read_text()) for file in store.registry_folder().iterdir()] == [("runner.jar", "runner")]
    assert downloaded == ["a", "b", "app", "app"]


def test_an_archive_with_other_content_is_not_used(tmp_path: Path, lock: JarLock, downloaded: list[str]) -> None:
    wrong = replace(lock, registry=replace(lock.registry, content_sha256="0" * 64))
    store = JarStore(tmp_path / "cache", wrong)
    with pytest.raises(ConfigError, match=r"app-1\.tar\.gz does not unpack to what jars\.toml says"):
        store.fetch()
    assert not store.registry_folder().exists()


def test_class_archives_are_of_these_jars(tmp_path: Path, store: JarStore, lock: JarLock) -> None:
    other = JarStore(tmp_path, replace(lock, kafka=lock.kafka[:1]))
    assert store.kafka_sha256() != other.kafka_sha256()
    assert store.registry_sha256() == other.registry_sha256() == lock.registry.sha256


def test_no_room_for_a_download_is_a_sentence(
    store: JarStore, downloaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(store.folder.parent)._replace(free=1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(ConfigError, match="1 MiB free, 256 are needed; make room or set XDG_CACHE_HOME"):
        store.fetch()
    assert downloaded == []
