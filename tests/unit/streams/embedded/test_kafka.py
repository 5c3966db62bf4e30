"""The broker's configuration."""

from pathlib import Path

import pytest

from platestream.settings import KafkaSettings, Settings
from streams.embedded.child import Program
from streams.embedded.kafka import kafka_program


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "a home, with=odd (name)",
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:2001", controller_port=2002),
    )


@pytest.fixture
def program(settings: Settings) -> Program:
    """What runs the broker in a home that was formatted before."""
    (settings.home / "kafka" / "data").mkdir(parents=True)
    return kafka_program(settings, [Path("/cache/a.jar"), Path("/cache/b.jar")], ["-XX:Given"])


def properties(settings: Settings) -> dict[str, str]:
    lines = (settings.home / "kafka" / "server.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_listens_on_this_machine_only(settings: Settings, program: Program) -> None:
    written = properties(settings)
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:2001,CONTROLLER://127.0.0.1:2002"
    assert written["advertised.listeners"] == "PLAINTEXT://127.0.0.1:2001"
    assert written["controller.quorum.voters"] == "1@127.0.0.1:2002"


def test_paths_are_relative_so_that_home_may_have_any_name(settings: Settings, program: Program) -> None:
    assert program.folder == settings.home
    assert properties(settings)["log.dirs"] == "kafka/data"
    assert not [argument for argument in program.argv if str(settings.home) in argument]


def test_what_is_destroyed_leaves_the_disk_soon(settings: Settings, program: Program) -> None:
    written = properties(settings)
    assert int(written["log.retention.check.interval.ms"]) <= 10_000
    assert int(written["log.segment.delete.delay.ms"]) <= 1_000


def test_no_topic_comes_to_be_by_mistake(settings: Settings, program: Program) -> None:
    assert properties(settings)["auto.create.topics.enable"] == "false"


def test_options_and_class_path_are_passed_on(program: Program) -> None:
    assert "-XX:Given" in program.argv
    assert program.argv[-4:] == ["-cp", "/cache/a.jar:/cache/b.jar", "kafka.Kafka", "kafka/server.properties"]


def test_files_left_by_a_killed_broker_are_removed(settings: Settings, program: Program) -> None:
    (settings.home / "kafka" / "tmp" / "libsnappy.so").write_text("")
    kafka_program(settings, [], [])
    assert list((settings.home / "kafka" / "tmp").iterdir()) == []
