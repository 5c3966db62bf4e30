"""The Kafka broker of one machine: KRaft, one node that is broker and controller, on loopback alone.

Its data is under `home/kafka/data`, formatted once; the cluster id stays. All paths are relative to home, where it
runs, so home may have any name and be moved.
"""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from confluent_kafka import KafkaException

from platestream.errors import ConfigError
from platestream.settings import Settings
from streams.clients import admin
from streams.embedded.child import Program
from streams.embedded.java import java_argv, java_env
from streams.embedded.ports import broker_port, is_listening

HEAP_MIB = 512
_LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
_FORMAT_SECONDS = 120
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # one node has one copy of everything
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # a group that slept for weeks finds its place again
    "offsets.retention.minutes": str(60 * 24 * 60),
    # what is destroyed leaves the disk in seconds, not in minutes (DESIGN 4, second trap)
    "log.retention.check.interval.ms": "10000",
    "log.segment.delete.delay.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    "log.cleaner.backoff.ms": "5000",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024**2),
    # a broker that was killed may register again at once
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


def kafka_program(settings: Settings, class_path: Sequence[Path], options: Sequence[str]) -> Program:
    """Write the broker's configuration, format its storage if it is new, and say how to run it.

    Raises ConfigError when the storage cannot be formatted.
    """
    folder = settings.home / "kafka"
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    shutil.copyfile(_LOG_CONFIG, folder / "log4j2.properties")
    _write_properties(folder / "server.properties", settings, "kafka/data")
    if not (folder / "data").exists():
        _format(settings, class_path)
    return Program(
        name="kafka",
        argv=_argv(class_path, options, ["kafka.Kafka", "kafka/server.properties"]),
        folder=settings.home,
        output=settings.home / "logs" / "kafka.out",
        log=settings.home / "logs" / "kafka.log",
        env=java_env({}),
    )


def kafka_readiness(settings: Settings) -> Callable[[], bool]:
    """Asks the broker for its metadata, once it listens; true when it lists itself."""

    def is_ready() -> bool:
        if is_listening(broker_port(settings)):
            with suppress(KafkaException):
                return len(admin(settings.kafka).list_topics(timeout=2).brokers) == 1
        return False

    return is_ready


def _argv(class_path: Sequence[Path], options: Sequence[str], main: Sequence[str]) -> list[str]:
    fixed = (
        # each alert crosses the broker twice: this collector stops it for 1 ms, Kafka's own for 30 (decision 30)
        "-XX:+UseShenandoahGC",
        "-XX:ShenandoahGCMode=generational",
        "-XX:ErrorFile=logs/kafka-crash.log",
        "-Djava.io.tmpdir=kafka/tmp",
        "-Dlog4j2.configurationFile=kafka/log4j2.properties",
        "-Dlog4j2.shutdownHookEnabled=false",  # the broker logs until its very end
    )
    return java_argv(HEAP_MIB, [*fixed, *options], ["-cp", os.pathsep.join(map(str, class_path)), *main])


def _write_properties(file: Path, settings: Settings, data: str) -> None:
    port, controller_port = broker_port(settings), settings.kafka.controller_port
    own = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": data,
    }
    file.write_text("".join(f"{key}={value}\n" for key, value in {**_PROPERTIES, **own}.items()))


def _format(settings: Settings, class_path: Sequence[Path]) -> None:
    """Format beside the place and rename, so that half a format is never taken for storage."""
    folder = settings.home / "kafka"
    shutil.rmtree(folder / "unformatted", ignore_errors=True)
    _write_properties(folder / "format.properties", settings, "kafka/unformatted")
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    main = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", "kafka/format.properties"]
    done = subprocess.run(  # noqa: S603
        _argv(class_path, ["-XX:TieredStopAtLevel=1"], main),
        cwd=settings.home,
        env=java_env({}),
        capture_output=True,
        text=True,
        timeout=_FORMAT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ConfigError(
            f"The broker's storage in {folder} cannot be formatted: {' '.join(words)}; repair that folder."
        )
    os.replace(folder / "unformatted", folder / "data")
