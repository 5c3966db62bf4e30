"""Addresses of ClickHouse that are refused, each with its sentence."""

from pathlib import Path

import pytest

from platestream.errors import ConfigError
from platestream.settings import Settings, StorageSettings
from sinks.clickhouse.store import Store


@pytest.mark.parametrize(
    ("dsn", "sentence"),
    [
        ("chdb://memory", "names no folder"),
        ("chdb:", "names no folder"),
        ("chdb:///", "names no folder"),
        ("postgres://host/db", "must be chdb:///absolute/folder or http"),
        ("http:///db", "must be chdb:///absolute/folder or http"),
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
