"""Peer: a confluent-kafka consume() loop. `python -m bench.peers.confluent_loop [READS]`.

The plate is peeked from the value, folded, and looked up in a set that was filled from the hotlist's topic; a hit is
decoded, its entry too, and the read goes to `alerts`. It commits once a second and handles no rebalance, no bad read
and no update of the list. With READS it consumes that many and looks nothing up: how fast the client hands messages
to Python. Servers, group and registry are those of the settings, as for our own worker.
"""

import gc
import json
import sys
import time
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from bench.topics import ALERTS_TOPIC, ENTRIES_TOPIC, READS_TOPIC
from platestream.settings import KafkaSettings, load_settings
from schemas.codec import Codec
from schemas.messages import HotlistEntry
from schemas.plates import fold_bytes
from streams.clients import consumer, producer
from streams.registry import load_codec

_AT_ONCE = 10_000
_WAIT_SECONDS = 0.05
_COMMIT_SECONDS = 1.0
_FAST = {"fetch.queue.backoff.ms": 10, "queued.min.messages": 200_000, "fetch.wait.max.ms": 50}


def read_entries(kafka: KafkaSettings) -> dict[bytes, bytes]:
    """All entries by folded plate."""
    client = consumer(kafka, "bench-entries", **_FAST)
    place = TopicPartition(ENTRIES_TOPIC, 0, OFFSET_BEGINNING)
    _, end = client.get_watermark_offsets(place, timeout=30)
    client.assign([place])
    entries: dict[bytes, bytes] = {}
    seen = 0
    while seen < end:
        messages: list[Any] = client.consume(_AT_ONCE, _WAIT_SECONDS)
        for message in messages:
            entries[message.key().partition(b"\x1f")[0]] = message.value()
            seen = message.offset() + 1
    client.close()
    return entries


def match(client: Consumer, alerts: Producer, codec: Codec, entries: dict[bytes, bytes]) -> None:
    """The loop, without end."""
    committed_at = time.monotonic()
    while True:
        messages: list[Any] = client.consume(_AT_ONCE, _WAIT_SECONDS)
        for message in messages:
            value = message.value()
            folded = fold_bytes(value[6 : 6 + (value[5] >> 1)])
            if folded in entries:
                codec.decode(value)
                entry: HotlistEntry = codec.decode(entries[folded])
                alerts.produce(ALERTS_TOPIC, value, entry.entry_id, message.partition())
        alerts.poll(0)
        if messages and time.monotonic() - committed_at > _COMMIT_SECONDS:
            alerts.flush()
            client.commit(message=messages[-1], asynchronous=True)
            committed_at = time.monotonic()


def count_reads(client: Consumer, reads: int) -> dict[str, float]:
    """Consume `reads` reads and look at none; times from the first on."""
    seen = len(client.consume(1, 60))
    started, cpu = time.perf_counter(), time.process_time()
    committed_at = time.monotonic()
    while seen < reads:
        messages: list[Any] = client.consume(_AT_ONCE, _WAIT_SECONDS)
        seen += len(messages)
        if messages and time.monotonic() - committed_at > _COMMIT_SECONDS:
            client.commit(message=messages[-1], asynchronous=True)
            committed_at = time.monotonic()
    seconds = time.perf_counter() - started
    return {"reads_per_second": seen / seconds, "cpu_seconds_per_million": (time.process_time() - cpu) / seen * 1e6}


def main(reads: str = "") -> None:
    settings = load_settings()
    client = consumer(settings.kafka, settings.processor.group, **_FAST)
    client.subscribe([READS_TOPIC])
    if reads:
        print(json.dumps(count_reads(client, int(reads))))
        return
    entries = read_entries(settings.kafka)
    gc.collect()
    gc.freeze()
    match(client, producer(settings.kafka, **{"linger.ms": 0}), load_codec(settings), entries)


if __name__ == "__main__":
    main(*sys.argv[1:])
