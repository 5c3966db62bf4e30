"""Addresses of ClickHouse that are refused, each with its sentence."""

from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from platestream.errors import ConfigError
from platestream.settings import Settings, StorageSettings
from sinks.clickhouse.store import Store, as_reader


@pytest.mark.parametrize(
    ("dsn", "sentence"),
    [
        ("chdb://memory", "names no folder"),
        ("chdb:", "names no folder"),
        ("chdb:///", "names no folder"),
        ("postgres://host/db", "must be chdb:///absolute/folder or http"),
        ("http:///db", "must be chdb:///absolute/folder or http"),
        ("chdb:///data/a*b", "without"),
        ("https://reader:hunter2@host/db", "clickhouse_password_file"),
    ],
)
def test_refused(dsn: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        Store(Settings(storage=StorageSettings(clickhouse_dsn=dsn)))
    assert "hunter2" not in str(caught.value)


def test_a_password_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    storage = StorageSettings(clickhouse_dsn="http://reader@host/db", clickhouse_password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be read"):
        Store(Settings(storage=storage))


@pytest.mark.parametrize("name", ["q?x=1", "{a,b}", "*"])
def test_a_home_that_chdb_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="its path must be without"):
        Store(Settings(home=tmp_path / name))


@pytest.mark.parametrize(("scheme", "port"), [("http", 8123), ("https", 8443), ("https", 9999)])
def test_a_server_is_spoken_to_as_its_address_says(
    scheme: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(clickhouse_connect, "get_client", lambda **options: asked.update(options) or FakeClient())
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("hunter2\n")
    dsn = f"{scheme}://reader@host:{port}/lpr"
    Store(Settings(storage=StorageSettings(clickhouse_dsn=dsn, clickhouse_password_file=file)))
    assert (asked["dsn"], asked["interface"], asked["password"]) == (dsn, scheme, "hunter2")
    assert asked["form_encode_query_params"]  # a plate that is searched must not be in a URL
    assert asked["settings"] == {"log_queries": 0}


class FakeClient:
    """Stands for a client nobody asks anything."""


@pytest.mark.parametrize("dsn", [None, "chdb:///data"])
def test_a_reader_without_a_server_is_refused(dsn: str | None) -> None:
    with pytest.raises(ConfigError, match="chDB has no users"):
        as_reader(Settings(storage=StorageSettings(clickhouse_reader_dsn=dsn)))


def test_a_reader_is_another_user_on_the_same_settings() -> None:
    storage = StorageSettings(
        clickhouse_dsn="http://writer@host/db",
        clickhouse_password_file=Path("writer"),
        clickhouse_reader_dsn="http://reader@host/db",
        clickhouse_reader_password_file=Path("reader"),
        batch_reads=7,
    )
    reader = as_reader(Settings(storage=storage)).storage
    assert (reader.clickhouse_dsn, reader.clickhouse_password_file) == ("http://reader@host/db", Path("reader"))
    assert reader.batch_reads == 7
