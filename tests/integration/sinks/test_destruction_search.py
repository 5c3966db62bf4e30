"""The search of the proof can fail: a plate or a picture that is put back is found, plain and compressed, anywhere."""

import base64
import sqlite3
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import NewTopic

from platestream.settings import Settings
from schemas.codec import Codec
from schemas.messages import PictureKind
from sinks.clickhouse.store import Store
from sinks.pictures.store import PictureStore
from streams.clients import admin, producer
from streams.devices.pictures import strip_metadata
from streams.embedded.stack import EmbeddedStack
from streams.topics import create
from tests.destruction.planted import PLATES, patterns_of, picture_name, pictures_of
from tests.destruction.proof import is_proved
from tests.destruction.search import search
from tests.retaining import Retained
from tests.storing import NOW, a_read

PLATE = "QZO71I"
PICTURE = pictures_of("unlisted").vehicle
PATTERNS = {
    "planted": (PLATE.encode(), b"QZ0711"),
    "pictured": tuple(patterns_of(PICTURE)),
    "never": (b"WVU999", *patterns_of(pictures_of("held").vehicle)),
}


def found(folder: Path, name: str = "planted") -> list[str]:
    hits = search(folder, PATTERNS)
    assert hits["never"] == []
    return [str(file) for file in hits[name]]


def test_in_a_log_a_spool_and_a_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "storage.log").write_text(f"a plate in the clear: {PLATE}\n" * 3)
    (tmp_path / "logs" / "collector.log").write_bytes(b'{"plate_crop_jpeg": "' + base64.b64encode(PICTURE) + b'"}')
    (tmp_path / "rows.tmp").write_bytes(b"\x00\x01QZ0711\x02" + bytes(100_000))
    with sqlite3.connect(tmp_path / "spool.sqlite") as spool:
        spool.execute("CREATE TABLE records (value BLOB)")
        spool.execute("INSERT INTO records VALUES (?)", (b"\x0c" + PLATE.encode() + strip_metadata(PICTURE),))
    spool.close()
    assert found(tmp_path) == ["logs/storage.log", "rows.tmp", "spool.sqlite"]
    assert found(tmp_path, "pictured") == ["logs/collector.log", "spool.sqlite"]


def test_a_picture_is_found_in_the_clear_and_not_where_it_is_sealed(tmp_path: Path) -> None:
    store, day, read_id = PictureStore(Settings(home=tmp_path)), NOW.date(), uuid4()
    store.write(day, read_id, PictureKind.VEHICLE, strip_metadata(PICTURE))
    assert found(tmp_path, "pictured") == []
    put_back = tmp_path / "pictures" / f"{day}" / f"{read_id}" / "VEHICLE.opened"
    put_back.write_bytes(store.read(day, read_id, PictureKind.VEHICLE))
    assert found(tmp_path, "pictured") == [str(put_back.relative_to(tmp_path))]


def test_a_pattern_that_the_search_could_miss_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ends in a zero"):
        search(tmp_path, {"bad": (b"QZO71I\x00",)})


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
    client, topic = admin(stack.settings.kafka), f"proof-{uuid4()}"
    create(client, [NewTopic(topic, 1, 1)])
    writer = producer(stack.settings.kafka, **{"compression.type": compression, "linger.ms": 200})
    for _ in range(100):
        writer.produce(topic, b"\x0c" + PLATE.encode() + bytes(200))
    writer.produce(topic, b"\x0c" + strip_metadata(PICTURE))
    assert writer.flush(30) == 0
    folder = stack.settings.home / "kafka" / "data" / f"{topic}-0"
    assert found(folder) == found(folder, "pictured") == ["00000000000000000000.log"]
    client.delete_topics([topic])[topic].result(30)


def proved() -> dict[str, Any]:
    """What a run that proves destruction says."""
    names = [*PLATES, *map(picture_name, PLATES)]
    return {
        "files_with_hits_on_topics_before": dict.fromkeys(names, 1),
        "files_with_hits_in_clickhouse_before": dict.fromkeys(PLATES, 2),
        "misplaced_hits_after": {name: [] for name in names},
        "held_hits_after": 2,
        "are_held_pictures_whole": True,
        "is_backup_destroyed": True,
    }


@pytest.mark.parametrize(
    "spoilt",
    [
        {"files_with_hits_on_topics_before": {**proved()["files_with_hits_on_topics_before"], "suppressed": 0}},
        {"files_with_hits_in_clickhouse_before": {**dict.fromkeys(PLATES, 2), "unlisted": 0}},
        {"misplaced_hits_after": {**proved()["misplaced_hits_after"], "suppressed": ["kafka/data/plate-reads-0"]}},
        {"misplaced_hits_after": {**proved()["misplaced_hits_after"], picture_name("held"): ["logs/storage.log"]}},
        {"misplaced_hits_after": {}},
        {"held_hits_after": 0},
        {"are_held_pictures_whole": False},
        {"is_backup_destroyed": False},
    ],
)
def test_a_run_that_lacks_anything_proves_nothing(spoilt: dict[str, Any]) -> None:
    assert is_proved(proved())
    assert not is_proved({**proved(), **spoilt})
