"""A read sink as a process of its own, to be killed: HOME BROKER TOPIC DEAD_LETTER_TOPIC WIRE_IDS(JSON)."""

import json
import signal
import sys
import threading
from pathlib import Path

from platestream.clock import SystemClock
from platestream.settings import KafkaSettings, Settings, StorageSettings
from schemas.codec import Codec
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.sink import ReadSink
from sinks.clickhouse.store import Store
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake


def main(home: str, broker: str, topic: str, dead_letter_topic: str, wire_ids: str) -> None:
    storage = StorageSettings(batch_reads=500, batch_milliseconds=100)
    settings = Settings(home=Path(home), kafka=KafkaSettings(bootstrap_servers=broker), storage=storage)
    codec = Codec({record: {int(n): id_ for n, id_ in ids.items()} for record, ids in json.loads(wire_ids).items()})
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = Store(settings)
    migrate(store.client())
    intake = Intake(settings.kafka, topic, f"group-{topic}", instance="killed")
    clock = SystemClock()
    letters = DeadLetters(settings.kafka, codec, clock, dead_letter_topic)
    ReadSink(settings, intake, store, codec, letters, clock).run(stop, lambda: None)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
