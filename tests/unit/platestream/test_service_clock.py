"""The clock can be set ahead on one machine alone, and says so."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from platestream.errors import ConfigError
from platestream.service_clock import clock_of
from platestream.settings import KafkaSettings, Settings, StorageSettings


def test_a_clock_set_ahead_is_ahead_and_said_loudly(caplog: pytest.LogCaptureFixture) -> None:
    ahead = clock_of(Settings(clock_ahead_days=61)).now() - datetime.now(UTC)
    assert abs(ahead - timedelta(days=61)) < timedelta(seconds=5)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_otherwise_it_is_the_machines(caplog: pytest.LogCaptureFixture) -> None:
    assert abs(clock_of(Settings()).now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert not caplog.records


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"kafka": KafkaSettings(bootstrap_servers="127.0.0.1:9092,kafka-2:9092")},
        {"storage": StorageSettings(clickhouse_dsn="https://writer@clickhouse/default")},
        {"storage": StorageSettings(pictures_url="s3://bucket/pictures")},
    ],
    ids=["broker", "server", "pictures"],
)
def test_it_is_refused_where_anything_is_elsewhere(elsewhere: dict[str, object]) -> None:
    settings = Settings(clock_ahead_days=1, **elsewhere)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="on one machine"):
        clock_of(settings)
