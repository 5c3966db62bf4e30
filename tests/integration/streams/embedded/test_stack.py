"""The real broker and registry: what they keep when they are killed, and what is said when they cannot start."""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka.admin import NewTopic

from platestream.errors import ConfigError
from platestream.settings import KafkaSettings, Settings
from streams.clients import admin, consumer, producer
from streams.embedded.recorded import is_gone
from streams.embedded.stack import EmbeddedStack
from streams.topics import create
from tests.stack import new_home, stack_settings

ROOT = Path(__file__).parents[4]
SCHEMA = json.dumps({"type": "record", "name": "Kept", "fields": [{"name": "plate", "type": "string"}]})
PARENT = """
import sys, time
from platestream.settings import Settings
from streams.embedded.stack import EmbeddedStack
with EmbeddedStack(Settings.model_validate_json(sys.argv[1])) as stack:
    print(stack.broker.pid, stack.registry.pid, flush=True)
    time.sleep(300)
"""


def write_record(kafka: KafkaSettings, value: bytes) -> str:
    """Write one record to a new topic and wait for its acknowledgement; the topic."""
    topic = f"kept-{uuid.uuid4()}"
    create(admin(kafka), [NewTopic(topic, 1)])
    client = producer(kafka)
    client.produce(topic, value)
    assert client.flush(20) == 0
    return topic


def read_record(kafka: KafkaSettings, topic: str) -> bytes | None:
    """The first record of a topic."""
    client = consumer(kafka, f"group-{uuid.uuid4()}")
    try:
        client.subscribe([topic])
        message = client.poll(20)
        return message.value() if message and not message.error() else None
    finally:
        client.close()


def write_schema(registry_url: str) -> tuple[str, int]:
    """Register a schema under a new subject; the subject and the schema's id."""
    subject = f"kept-{uuid.uuid4()}"
    answer = httpx.post(f"{registry_url}/subjects/{subject}/versions", json={"schema": SCHEMA}, timeout=20)
    return subject, int(answer.raise_for_status().json()["id"])


def read_schema(registry_url: str, subject: str) -> tuple[int, str]:
    """Id and text of a subject's newest schema."""
    answer = httpx.get(f"{registry_url}/subjects/{subject}/versions/latest", timeout=20).raise_for_status().json()
    return answer["id"], answer["schema"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a stack that these tests may kill, in a home with a name that is hard on configuration files."""
    return stack_settings(new_home(tmp_path_factory, "hôme, with=odd (name)"))


@pytest.fixture(scope="module")
def orphans(settings: Settings) -> list[psutil.Process]:
    """Broker and registry of a parent that was killed."""
    argv = [sys.executable, "-c", PARENT, settings.model_dump_json()]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout
        orphans = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(orphans) == 2
    return orphans


@pytest.fixture(scope="module")
def own_stack(settings: Settings, orphans: list[psutil.Process]) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(settings) as stack:
        yield stack


class TestTheSharedStack:
    def test_the_broker_answers_a_metadata_request(self, stack: EmbeddedStack, kafka: KafkaSettings) -> None:
        metadata = admin(kafka).list_topics(timeout=20)
        assert [f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()] == [stack.bootstrap_servers]

    def test_a_record_is_written_and_read(self, kafka: KafkaSettings) -> None:
        assert read_record(kafka, write_record(kafka, b"value")) == b"value"

    def test_the_registry_gives_back_what_it_was_given(self, registry_url: str) -> None:
        subject, schema_id = write_schema(registry_url)
        assert read_schema(registry_url, subject) == (schema_id, SCHEMA)

    def test_nothing_listens_beyond_this_machine(self, stack: EmbeddedStack) -> None:
        for server in (stack.broker, stack.registry):
            listening = [
                connection.laddr.ip
                for connection in psutil.Process(server.pid).net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert listening
            assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}

    def test_a_second_start_in_the_same_home_is_refused(self, stack: EmbeddedStack) -> None:
        with pytest.raises(ConfigError, match=f"in use by process {os.getpid()};"), EmbeddedStack(stack.settings):
            pass
        assert psutil.Process(stack.broker.pid).is_running()

    def test_a_taken_port_is_named_with_its_owner_and_its_setting(self, tmp_path: Path, stack: EmbeddedStack) -> None:
        taken = stack.settings.model_copy(update={"home": tmp_path})
        words = rf"is taken by process {stack.broker.pid}; .* PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS"
        with pytest.raises(ConfigError, match=words), EmbeddedStack(taken):
            pass


class TestAKilledStack:
    def test_orphans_of_a_killed_parent_are_ended_by_the_next_start(
        self, orphans: list[psutil.Process], own_stack: EmbeddedStack
    ) -> None:
        assert all(is_gone(orphan) for orphan in orphans)
        assert {own_stack.broker.pid, own_stack.registry.pid}.isdisjoint(orphan.pid for orphan in orphans)

    def test_records_outlive_a_killed_broker(self, own_stack: EmbeddedStack) -> None:
        kafka = own_stack.settings.kafka
        topic = write_record(kafka, b"kept")
        cluster = admin(kafka).list_topics(timeout=20).cluster_id
        own_stack.kill_broker()
        own_stack.start_broker()
        assert read_record(kafka, topic) == b"kept"
        assert admin(kafka).list_topics(timeout=20).cluster_id == cluster

    def test_records_outlive_a_restart(self, own_stack: EmbeddedStack) -> None:
        topic = write_record(own_stack.settings.kafka, b"kept")
        own_stack.restart_broker()
        assert read_record(own_stack.settings.kafka, topic) == b"kept"

    def test_schemas_outlive_a_killed_registry(self, own_stack: EmbeddedStack) -> None:
        subject, schema_id = write_schema(own_stack.registry_url)
        own_stack.kill_registry()
        own_stack.start_registry()
        assert read_schema(own_stack.registry_url, subject) == (schema_id, SCHEMA)


def test_a_server_that_cannot_start_says_why_and_nothing_is_left(tmp_path: Path) -> None:
    settings = stack_settings(tmp_path / "home")
    data = settings.home / "kafka" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=9\n")
    with pytest.raises(ConfigError, match=r"kafka ended while starting: .*meta.properties.* \(see .*kafka\.log\)"):
        EmbeddedStack(settings).__enter__()
    assert [file.name for file in (settings.home / "run").iterdir()] == ["lock"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(settings.registry.url.split(":")[2].split("/")[0])))
