"""Peer: a stock Faust agent. `python -m bench.peers.stock_faust`.

One message at a time, as Faust is meant to be used. The list is a dict filled beforehand: a GlobalTable of ten million
entries takes half an hour to load. Servers, group and registry are those of the settings.
"""

import asyncio
from typing import Any

import faust

from bench.peers.confluent_loop import read_entries
from bench.topics import ALERTS_TOPIC, READS_TOPIC
from platestream.settings import Settings, load_settings
from schemas.codec import Codec
from schemas.messages import HotlistEntry
from schemas.plates import fold_bytes
from streams.registry import load_codec


def stock_app(settings: Settings, codec: Codec, entries: dict[bytes, bytes]) -> faust.App:
    """An app of the settings' group that raises an alert for each read whose plate is in `entries`."""
    app = faust.App(
        settings.processor.group,
        broker=f"kafka://{settings.kafka.bootstrap_servers}",
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        producer_compression_type="lz4",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=settings.home / "stock-faust",
    )
    alerts = app.topic(ALERTS_TOPIC, value_serializer="raw", key_serializer="raw")

    async def match(stream: Any) -> None:
        async for value in stream:
            folded = fold_bytes(value[6 : 6 + (value[5] >> 1)])
            if folded in entries:
                codec.decode(value)
                entry: HotlistEntry = codec.decode(entries[folded])
                await (await alerts.send(key=entry.entry_id.encode(), value=value))

    app.agent(app.topic(READS_TOPIC, value_serializer="raw", key_serializer="raw"))(match)
    return app


async def run(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


def main() -> None:
    settings = load_settings()
    asyncio.run(run(stock_app(settings, load_codec(settings), read_entries(settings.kafka))))


if __name__ == "__main__":
    main()
