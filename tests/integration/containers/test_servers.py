"""The servers of deploy/compose.yaml in containers: one smoke test each, skipped where no Docker engine answers."""

import shutil
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from testcontainers.community.kafka import KafkaContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from platestream.settings import KafkaSettings, Settings, StorageSettings
from schemas.codec import Codec
from schemas.messages import PlateRead
from schemas.plates import fold
from schemas.versions import newest
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.sink import READS
from sinks.clickhouse.splice import columns
from sinks.clickhouse.splice import container as splice
from sinks.clickhouse.store import Store
from streams.topics import check_topics, create_topics

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


@pytest.mark.docker
def test_reads_are_kept_and_found_by_clickhouse_over_http(tmp_path: Path, codec: Codec) -> None:
    container = (
        DockerContainer(image("clickhouse"))
        .with_env("CLICKHOUSE_USER", "platestream")
        .with_env("CLICKHOUSE_PASSWORD", CLICKHOUSE_PASSWORD)
        .with_exposed_ports(8123)
        .waiting_for(HttpWaitStrategy(8123, "/ping"))
    )
    password = tmp_path / "password"
    password.write_text(CLICKHOUSE_PASSWORD)
    password.chmod(0o600)
    with container:
        dsn = f"http://platestream@{container.get_container_host_ip()}:{container.get_exposed_port(8123)}/default"
        storage = StorageSettings(clickhouse_dsn=dsn, clickhouse_password_file=password)
        with closing(Store(Settings(home=tmp_path, storage=storage))) as store:
            migrate(store.client())
            read = a_read()
            values = [codec.encode(read)] * 2
            store.insert_avro(READS.landing, columns(newest("PlateRead")), splice(newest("PlateRead"), values))
            day = timedelta(days=1)
            found = find_reads(store.client(), fold(read.plate), read.collected_at - day, read.collected_at + day, 10)
            assert [each.read_id for each in found] == [read.read_id]


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
