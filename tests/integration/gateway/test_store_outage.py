"""The store hangs, dies and comes back: nobody waits without end, nothing is told, and what was tried is on record."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from platestream.settings import GatewaySettings, KafkaSettings, Settings, StorageSettings
from schemas.codec import Codec
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from streams.registry import register_schemas
from tests.asking import PLATE, let_in, search_body
from tests.clickhouse_http import USER
from tests.clickhouse_server import start_clickhouse
from tests.integration.gateway.conftest import Served, serve
from tests.stack import free_port

PASSWORD = "of-a-test"  # noqa: S105 - of this test alone
LONGEST_SECONDS = 1
GRACE_SECONDS = 0.2
IS_LONG = bool(os.environ.get("PLATESTREAM_SOAK"))
SEARCHES = 10 if IS_LONG else 1  # ten are more than there are threads for the store


class Server:
    """A ClickHouse that can be stopped and started again on its rows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.password_file = folder, free_port(), folder / "password"
        folder.mkdir()
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD)
        self.start()

    def start(self) -> None:
        self.process: subprocess.Popen[bytes] = start_clickhouse(
            self.folder / "data", self.port, PASSWORD, self.folder / "log"
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(30)

    def settings(self, kafka: KafkaSettings, home: Path) -> Settings:
        dsn = f"http://{USER}@127.0.0.1:{self.port}/default"
        storage = StorageSettings(clickhouse_dsn=dsn, clickhouse_password_file=self.password_file)
        limits = GatewaySettings(tracking_searches=100, max_search_seconds=LONGEST_SECONDS)
        return Settings(home=home, kafka=kafka, storage=storage, gateway=limits)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "server")
    yield started
    started.kill()


def test_a_store_that_hangs_or_dies_costs_answers_and_nothing_else(
    server: Server,
    kafka: KafkaSettings,
    registry_url: str,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.searches.stored._GRACE_SECONDS", GRACE_SECONDS)
    settings = server.settings(kafka, tmp_path / "gateway")
    with closing(Store(settings)) as store:
        migrate(store.client())
        with serve(settings, store, Codec(register_schemas(registry_url)), timeout_seconds=20) as served:
            let_in(served.ledger, served.clock)
            served.keep(PLATE, now - timedelta(hours=1))
            assert until_answered(served, now) == 1
            server.process.send_signal(signal.SIGSTOP)
            check_nothing_is_told(served, now)
            server.process.send_signal(signal.SIGCONT)
            assert until_answered(served, now) == 1
            server.kill()
            check_nothing_is_told(served, now)
            if IS_LONG:
                server.start()
                assert until_answered(served, now) == 1


def check_nothing_is_told(served: Served, now: datetime) -> None:
    started = time.monotonic()
    for _ in range(SEARCHES):
        answer = served.search(search_body(now))
        assert answer.status_code == 503
        assert PLATE not in answer.text
    assert served.client.get("/healthz").json()["store"] is False
    assert time.monotonic() - started < 60
    assert '"outcome":"failed"' in served.events()[-1].body


def until_answered(served: Served, now: datetime) -> int:
    """How many reads are told, once there is an answer."""
    deadline = time.monotonic() + 60
    while (answer := served.search(search_body(now))).status_code != 200:
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.2)
    return int(answer.json()["row_count"])
