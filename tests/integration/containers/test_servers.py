"""The servers of deploy/compose.yaml in containers: one smoke test each, skipped where no Docker engine answers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import yaml
from clickhouse_connect.driver.exceptions import DatabaseError
from testcontainers.community.kafka import KafkaContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from platestream.settings import KafkaSettings, Settings, StorageSettings
from schemas.codec import Codec
from schemas.messages import PlateRead
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.store import Store
from streams.topics import check_topics, create_topics
from tests.contract.sinks.clickhouse_roles import statements as role_statements
from tests.storing import insert_reads, of_plate

COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "deploy" / "compose.yaml").read_text())


@cache
def has_docker() -> bool:
    command = shutil.which("docker")
    return bool(command) and _answers([command, "info"])


def _answers(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


@pytest.fixture(autouse=True)
def engine() -> None:
    if not has_docker():
        pytest.skip("no Docker engine answers on this machine")


def image(service: str) -> str:
    return str(COMPOSE["services"][service]["image"])


@pytest.mark.docker
def test_topics_on_kafka_in_a_container() -> None:
    with KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft() as container:
        kafka = KafkaSettings(bootstrap_servers=container.get_bootstrap_server())
        assert create_topics(kafka)
        check_topics(kafka)


CLICKHOUSE_PASSWORD = "only-for-this-test"
ACCESS_DENIED, READONLY = 497, 164


@dataclass(frozen=True)
class ClickHouse:
    """A server in a container; users are made with the same password as its administrator."""

    address: str
    password: Path

    def store(self, home: Path, user: str = "platestream") -> Store:
        dsn = f"http://{user}@{self.address}/default"
        storage = StorageSettings(clickhouse_dsn=dsn, clickhouse_password_file=self.password)
        return Store(Settings(home=home, storage=storage))


@pytest.fixture
def clickhouse(engine: None, tmp_path: Path) -> Iterator[ClickHouse]:
    container = (
        DockerContainer(image("clickhouse"))
        .with_env("CLICKHOUSE_USER", "platestream")
        .with_env("CLICKHOUSE_PASSWORD", CLICKHOUSE_PASSWORD)
        .with_env("CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT", "1")
        .with_exposed_ports(8123)
        .waiting_for(HttpWaitStrategy(8123, "/ping"))
    )
    password = tmp_path / "password"
    password.write_text(CLICKHOUSE_PASSWORD)
    password.chmod(0o600)
    with container:
        yield ClickHouse(f"{container.get_container_host_ip()}:{container.get_exposed_port(8123)}", password)


def keep(store: Store, codec: Codec, read: PlateRead) -> None:
    """Twice, as after a crash."""
    insert_reads(store, codec, read, read)


def found(store: Store, read: PlateRead) -> list[UUID]:
    day = timedelta(days=1)
    reads = find_reads(store.client(), of_plate(read.plate, read.collected_at - day, read.collected_at + day))
    return [each.read_id for each in reads]


@pytest.mark.docker
def test_reads_are_kept_and_found_by_clickhouse_over_http(clickhouse: ClickHouse, tmp_path: Path, codec: Codec) -> None:
    with closing(clickhouse.store(tmp_path)) as store:
        migrate(store.client())
        read = a_read()
        keep(store, codec, read)
        assert found(store, read) == [read.read_id]


@pytest.mark.docker
def test_each_role_may_do_its_work_and_no_more(clickhouse: ClickHouse, tmp_path: Path, codec: Codec) -> None:
    users = {"sinks": ["storage"], "gateway": ["reader"], "sweep": ["storage", "sweeper"]}
    with closing(clickhouse.store(tmp_path)) as store:
        migrate(store.client())
        for statement in role_statements():
            store.client().command(statement)
        for user, roles in users.items():
            store.client().command(f"CREATE USER {user} IDENTIFIED BY '{CLICKHOUSE_PASSWORD}'")
            for role in roles:
                store.client().command(f"GRANT platestream_{role} TO {user}")
    read, (sinks, gateway, sweep) = a_read(), (clickhouse.store(tmp_path, user) for user in users)
    with closing(sinks), closing(gateway), closing(sweep):
        assert migrate(sinks.client()) == []
        keep(sinks, codec, read)
        assert found(gateway, read) == [read.read_id]
        drop = f"ALTER TABLE reads DROP PARTITION '{read.collected_at.date()}'"
        for store, refused in ((sinks, drop), (gateway, drop), (gateway, "INSERT INTO hit_counts (hits) VALUES (1)")):
            with pytest.raises(DatabaseError) as caught:
                store.client().command(refused)
            assert caught.value.code in {ACCESS_DENIED, READONLY}
        sweep.client().command(drop)
        assert found(gateway, read) == []


def a_read() -> PlateRead:
    now = datetime.now(UTC).replace(microsecond=0)
    return PlateRead(
        plate="KLM0417",
        collected_at=now,
        read_id=uuid4(),
        device_id="north-1",
        received_at=now,
        latitude=44.95,
        longitude=-93.09,
    )
