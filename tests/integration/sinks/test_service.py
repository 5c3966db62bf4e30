"""All sinks as the storage process starts them, on the topics of schemas/topics."""

import threading

import pytest

from platestream.clock import SetClock
from platestream.errors import ConfigError
from platestream.settings import KafkaSettings, Settings, StorageSettings
from schemas.codec import Codec
from schemas.plates import fold
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.store import Store
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore, day_of
from sinks.service import Into, start_sinks
from streams.clients import producer
from streams.ledger.memory import MemoryLedger
from streams.ledger.sealing import new_private_key
from streams.registry import register_schemas
from streams.topics import create_topics
from tests.integration.sinks.conftest import SECONDS, wait_until
from tests.retaining import ListedPlates
from tests.storing import NOW, a_picture, a_read, an_alert, of_plate


def is_kept(store: Store, table: str, condition: str) -> bool:
    return bool(store.client().query(f"SELECT count() FROM {table} WHERE {condition}").result_rows[0][0])


def into(settings: Settings, store: Store, codec: Codec) -> Into:
    new_private_key(settings.path(settings.storage.holds_key_file))
    holds = MemoryLedger(codec, fold_holds, HoldsState())
    return Into(store=store, pictures=PictureStore(settings), suppressed=ListedPlates(), holds=holds)


def test_a_read_its_picture_and_its_alert_are_kept(kafka: KafkaSettings, registry_url: str, store: Store) -> None:
    assert store.folder
    create_topics(kafka)
    codec = Codec(register_schemas(registry_url))  # these topics are also other tests': one set of ids
    settings = Settings(home=store.folder.parent, kafka=kafka)
    read, picture = a_read("service", plate="SERV1CE"), a_picture("service")
    client = producer(kafka)
    client.produce("plate-reads", codec.encode(read), key=fold(read.plate))
    client.produce("plate-pictures", codec.encode(picture), key=str(picture.read_id))
    client.produce("alerts", codec.encode(an_alert("service", plate="SERV1CE")))
    assert client.flush(SECONDS) == 0

    beat = threading.Event()
    sinks = start_sinks(settings, into(settings, store, codec), codec, SetClock(NOW), beat.set)
    try:
        wait_until(lambda: find_reads(store.client(), of_plate("SERV1CE", read.collected_at, NOW)), "the read")
        file = (
            settings.home
            / "pictures"
            / day_of(picture.collected_at).isoformat()
            / str(picture.read_id)
            / "PLATE.sealed"
        )
        wait_until(file.exists, "the picture")
        wait_until(lambda: is_kept(store, "alerts", "plate = 'SERV1CE'"), "the alert")
        assert beat.wait(SECONDS)
        sinks.check()
    finally:
        sinks.stop()  # before the store is closed under them
    assert PictureStore(settings).read(day_of(picture.collected_at), picture.read_id, picture.kind) == picture.content


def test_a_wrong_address_is_refused_before_anything_starts(kafka: KafkaSettings, codec: Codec, store: Store) -> None:
    assert store.folder
    settings = Settings(home=store.folder.parent, kafka=kafka, storage=StorageSettings(pictures_url="nosuch://bucket"))
    before = threading.active_count()
    with pytest.raises(ConfigError, match="pictures_url"):
        start_sinks(settings, into(settings, store, codec), codec, SetClock(NOW), lambda: None)
    assert threading.active_count() == before
