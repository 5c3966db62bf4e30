"""A fresh chDB with the newest schema as a fixture.

chDB allows one open folder per process, so a test uses `store` or opens stores of its own, one after the other,
never both at once. ClickHouse's own clock runs the TTL: rows collected more than 60 days before the real now may go.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from platestream.settings import Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """ClickHouse in the test's own folder, migrated. `store.client()` gives each thread its client."""
    opened = Store(Settings(home=tmp_path / "home"))
    migrate(opened.client())
    yield opened
    opened.close()
