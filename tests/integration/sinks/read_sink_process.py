"""A read sink as a process of its own, to be killed: HOME BROKER TOPIC DEAD_LETTER_TOPIC WIRE_IDS(JSON)."""

import json
import signal
import sys
import threading
from pathlib import Path

from platestream.clock import SystemClock
from platestream.settings import KafkaSettings, Settings
from schemas.codec import Codec
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.sink import reads_keeper
from sinks.clickhouse.store import Store
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake
from sinks.topic_sink import Limits, TopicSink


def main(home: str, broker: str, topic: str, dead_letter_topic: str, wire_ids: str) -> None:
    settings = Settings(home=Path(home), kafka=KafkaSettings(bootstrap_servers=broker))
    codec = Codec({record: {int(n): id_ for n, id_ in ids.items()} for record, ids in json.loads(wire_ids).items()})
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = Store(settings)
    migrate(store.client())
    intake = Intake(settings.kafka, topic, f"group-{topic}", instance="killed")
    clock = SystemClock()
    letters = DeadLetters(settings.kafka, codec, clock, dead_letter_topic)
    keeper = reads_keeper(store, codec, clock, days=60)
    TopicSink(intake, keeper, letters, Limits(messages=500, seconds=0.1)).run(stop, lambda: None)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
