"""A fresh chDB with the newest schema as a fixture.

chDB allows one open folder per process, so a test uses `store` or opens stores of its own, one after the other,
never both at once. ClickHouse's own clock runs the TTL: rows collected more than 60 days before the real now may go.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from platestream.settings import Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a chDB that was migrated and closed, to be copied: that takes a third of what migrating takes."""
    home = tmp_path_factory.mktemp("migrated")
    with closing(Store(Settings(home=home))) as opened:
        migrate(opened.client())
    return home / "clickhouse"


@pytest.fixture
def store(tmp_path: Path, migrated: Path) -> Iterator[Store]:
    """ClickHouse in the test's own folder, migrated. `store.client()` gives each thread its client."""
    home = tmp_path / "home"
    shutil.copytree(migrated, home / "clickhouse", symlinks=True)
    with closing(Store(Settings(home=home))) as opened:
        yield opened
