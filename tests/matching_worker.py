"""A matching worker as a process of its own, on topics of its own, and the two ends of it that a test holds.

Run as a module it is the worker: `python -m tests.matching_worker SPEC`, SPEC being JSON.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import NewTopic
from prometheus_client.parser import text_string_to_metric_families

from platestream.clock import SystemClock
from platestream.logs import set_up_logs
from platestream.settings import KafkaSettings, ProcessorSettings, Settings, SuppressionsSettings
from processors.matching.agent import MatchingTopics
from processors.matching.warming import warm_up
from processors.matching.worker import run_worker
from schemas.codec import Codec
from schemas.messages import HotlistEntry, PlateRead
from schemas.plates import fold, hotlist_key
from schemas.versions import versions
from streams.clients import admin, consumer, producer
from streams.suppressions.secrecy import SuppressionKey, new_suppression_key
from streams.suppressions.writing import SuppressionKeeper
from streams.topics import create
from tests.matching import a_read, an_entry
from tests.stack import free_port

PARTITIONS = 6  # divides by two and three workers: Faust gives some none otherwise
PATIENCE_SECONDS = 60


def fixed_codec() -> Codec:
    """Equal in the test and in the worker, without a registry."""
    ids = iter(range(101, 1000))
    return Codec({record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()})


def until(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true answer of `condition`; fails past the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@dataclass
class Worker:
    """A worker process."""

    spec: dict[str, Any]
    process: subprocess.Popen[bytes]
    log: Path

    def metric(self, name: str, **labels: str) -> float:
        """A sample of its /metrics; 0 while there is none."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.spec['probe_port']}/metrics", timeout=5).text
        except httpx.TransportError:
            return 0
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@dataclass
class Matching:
    """Topics, a group and the workers on them."""

    kafka: KafkaSettings
    home: Path
    name: str
    codec: Codec = field(default_factory=fixed_codec)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topics = MatchingTopics(
            reads=f"{self.name}-reads",
            entries=f"{self.name}-entries",
            alerts=f"{self.name}-alerts",
            dead_letters=f"{self.name}-letters",
            suppressions=f"{self.name}-suppressions",
        )
        self.suppression_key = self.home / "suppressions.key"
        new_suppression_key(self.suppression_key)
        self.plates: set[str] = set()
        self.following: list[Consumer] = []
        self.producer = producer(self.kafka, **{"queue.buffering.max.messages": 1_000_000})
        client = admin(self.kafka)
        compacted = NewTopic(self.topics.entries, 1, 1, config={"cleanup.policy": "compact"})
        plain = [
            NewTopic(self.topics.reads, PARTITIONS, 1),
            NewTopic(self.topics.alerts, PARTITIONS, 1),
            NewTopic(self.topics.dead_letters, 1, 1),
            NewTopic(self.topics.suppressions, 1, 1),
        ]
        create(client, [compacted, *plain])

    def start(self, instance: str | None = None, group: str | None = None, alerts: str | None = None) -> Worker:
        """Start a worker, of another group or with another topic of alerts if told so; it runs on after this."""
        spec = {
            "bootstrap_servers": self.kafka.bootstrap_servers,
            "home": str(self.home / f"worker-{len(self.workers)}"),
            "group": group or self.name,
            "instance": instance,
            "probe_port": free_port(),
            "topics": asdict(replace(self.topics, alerts=alerts or self.topics.alerts)),
            "suppression_key": str(self.suppression_key),
        }
        log = self.home / f"worker-{len(self.workers)}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.matching_worker", json.dumps(spec)],
                cwd=Path(__file__).parent.parent,
                stderr=stderr,
                stdout=stderr,
            )
        self.workers.append(Worker(spec, process, log))
        return self.workers[-1]

    def list_(self, plate: str, entry_id: str = "e1", **fields: Any) -> HotlistEntry:
        """Put an entry on the topic that is in force for a day on both sides of now."""
        self.plates.add(plate)
        now = datetime.now(UTC)
        times = {"effective_at": now - timedelta(days=1), "expires_at": now + timedelta(days=1), "extracted_at": now}
        entry = an_entry(plate, entry_id=entry_id, **{**times, **fields})
        self.producer.produce(self.topics.entries, key=hotlist_key(plate, entry_id), value=self.codec.encode(entry))
        return entry

    def unlist(self, plate: str, entry_id: str = "e1") -> None:
        self.producer.produce(self.topics.entries, key=hotlist_key(plate, entry_id), value=None)

    def suppress(self, plate: str) -> None:
        key = SuppressionKey(self.suppression_key.read_bytes())
        SuppressionKeeper(self.kafka, self.codec, key, SystemClock(), self.topics.suppressions).suppress(plate)

    def read(self, plate: str, event: str, key: bytes | None = None, **fields: Any) -> PlateRead:
        """Put a read of now on the topic, under its folded plate unless told otherwise."""
        self.plates.add(plate)
        now = datetime.now(UTC)
        read = a_read(plate, event=event, **{"collected_at": now, "received_at": now, **fields})
        self.send(key or fold(plate).encode(), self.codec.encode(read))
        return read

    def send(self, key: bytes, value: bytes | None) -> None:
        self.producer.produce(self.topics.reads, key=key, value=value)

    def flush(self) -> None:
        assert self.producer.flush(30) == 0

    def follow(self, topic: str) -> Callable[[], list[Any]]:
        """A function that gives all messages of a topic so far, decoded, with Kafka's own beside them."""
        client = consumer(self.kafka, f"{self.name}-test")
        self.following.append(client)
        partitions = client.list_topics(topic, timeout=30).topics[topic].partitions
        client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        found: list[Any] = []

        def so_far() -> list[Any]:
            for message in client.consume(10_000, timeout=0.05):
                assert message.error() is None
                found.append((self.codec.decode(message.value()), message))
            return found

        return so_far

    def check_logs(self) -> None:
        """No worker has written a plate to its log."""
        for worker in self.workers:
            log = worker.log.read_text()
            assert not [plate for plate in self.plates if plate in log]

    def stop(self) -> None:
        for client in self.following:
            client.close()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.end(signal.SIGKILL)


@contextmanager
def matching(kafka: KafkaSettings, home: Path) -> Iterator[Matching]:
    """Fresh topics and a group; what was started on them is ended, and has logged no plate."""
    warm_up()  # after a change of the code each worker would have to, at the same time
    started = Matching(kafka, home, f"match-{os.urandom(4).hex()}")
    try:
        yield started
        started.check_logs()
    finally:
        started.stop()


def main(spec: dict[str, Any]) -> None:
    settings = Settings(
        home=Path(spec["home"]),
        kafka=KafkaSettings(bootstrap_servers=spec["bootstrap_servers"]),
        processor=ProcessorSettings(
            group=spec["group"], instance=spec["instance"], probe_port=spec["probe_port"], session_timeout_seconds=6
        ),
        suppressions=SuppressionsSettings(key_file=Path(spec["suppression_key"]).resolve()),
    )
    set_up_logs("processor", settings.log_level)
    run_worker(settings, fixed_codec(), SystemClock(), MatchingTopics(**spec["topics"]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
