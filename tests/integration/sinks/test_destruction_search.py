"""The search of the proof can fail: a plate that is put back is found, plain and compressed, wherever it is put."""

import sqlite3
from pathlib import Path

import pytest

from schemas.codec import Codec
from sinks.clickhouse.store import Store
from streams.clients import producer
from streams.embedded.stack import EmbeddedStack
from tests.destruction.search import search
from tests.retaining import Retained
from tests.storing import a_read

PLATE = "QZO71I"
PATTERNS = {"planted": (PLATE.encode(), b"QZ0711"), "never": (b"WVU999",)}


def found(folder: Path) -> list[str]:
    hits = search(folder, PATTERNS)
    assert hits["never"] == []
    return [str(file) for file in hits["planted"]]


def test_in_a_log_a_spool_and_a_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "storage.log").write_text(f"a plate in the clear: {PLATE}\n" * 3)
    (tmp_path / "rows.tmp").write_bytes(b"\x00\x01QZ0711\x02")
    with sqlite3.connect(tmp_path / "spool.sqlite") as spool:
        spool.execute("CREATE TABLE records (value BLOB)")
        spool.execute("INSERT INTO records VALUES (?)", (b"\x0c" + PLATE.encode(),))
    spool.close()
    assert found(tmp_path) == ["logs/storage.log", "rows.tmp", "spool.sqlite"]


@pytest.mark.parametrize("codec_name", ["NONE", "LZ4", "ZSTD"])
def test_in_a_column_of_the_engine(store: Store, codec: Codec, tmp_path: Path, codec_name: str) -> None:
    retained = Retained(store, codec, tmp_path / "other")
    store.client().command(f"ALTER TABLE reads MODIFY COLUMN plate String CODEC({codec_name})")
    assert store.folder
    assert found(store.folder) == []
    retained.insert(*(a_read(number, plate=PLATE) for number in range(200)))
    assert any("store/" in file for file in found(store.folder))
    retained.advance(61)
    retained.sweeper().sweep()
    assert found(store.folder) == []
    retained.insert(*(a_read(number, plate=PLATE) for number in range(200)))
    assert found(store.folder) != []


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_in_a_segment_of_the_broker(stack: EmbeddedStack, compression: str) -> None:
    from uuid import uuid4

    from confluent_kafka.admin import NewTopic

    from streams.clients import admin

    client, topic = admin(stack.settings.kafka), f"proof-{uuid4()}"
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    writer = producer(stack.settings.kafka, **{"compression.type": compression, "linger.ms": 200})
    for _ in range(100):
        writer.produce(topic, b"\x0c" + PLATE.encode() + bytes(200))
    assert writer.flush(30) == 0
    assert found(stack.settings.home / "kafka" / "data" / f"{topic}-0") == ["00000000000000000000.log"]
    client.delete_topics([topic])[topic].result(30)
