"""Real vendor messages through the whole pipeline: what must be kept is found, what must not be is nowhere."""

import base64
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from platestream.clock import SystemClock, from_ms, to_ms
from schemas.messages import PictureKind
from schemas.plates import fold
from sinks.clickhouse.store import Store
from sinks.pictures.store import PictureStore, day_of
from streams.devices.scenes import draw_scene
from streams.suppressions.secrecy import load_suppression_key
from streams.suppressions.writing import SuppressionKeeper
from tests.pipeline import Pipeline, running_stack
from tests.stack import new_home

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
PLACE = (44.95, -93.09)
NOW = datetime.now(UTC).replace(microsecond=0)
FORBIDDEN = re.compile(  # three letters alone come up by chance in encrypted pictures: so with a quote or their length
    rb"[\"\x06]bmw|suv-crossover|1h_0d72cdbcf|296\.5579|vehicle_signature|travel_direction|make_model|body_type|is_parked"
    rb"|missing_plate|rtsp://|192\.168\.0\.5"
)
EXPECTED = {
    "openalpr_group_v1.json": ("openalpr", "A13709", "MO", PLACE, 0.92075),
    "rekor_alpr_group.trim.json": ("rekor", "19462SH", "MA", (39.6505, -78.7661), 0.932547),
    "rekor_alpr_alert.trim.json": ("rekor", "2BH375", "MA", (39.0391, -77.0173), 0.932547),
}
WITHOUT_PLATE = {"openalpr_heartbeat.json": "openalpr", "rekor_vehicle.trim.json": "rekor"}

pytestmark = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="the collected vendor messages are not beside the project"
)


def message(name: str, shift: bool) -> Any:
    """A vendor message with real pictures for its placeholders, and with its times moved to now if `shift`."""
    found = json.loads((PAYLOADS / name).read_text())
    scene = draw_scene("TEST", None)
    pictures = {
        "plate_crop_jpeg": scene.plate, "vehicle_crop_jpeg": scene.vehicle, "overview_jpeg": scene.surroundings
    }  # fmt: skip
    by_ms = to_ms(NOW) - (found.get("epoch_start") or found.get("epoch_time") or found["timestamp"])

    def changed(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: changed(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(key, inner) for inner in value]
        if key in pictures:
            return base64.b64encode(pictures[key]).decode()
        is_time = isinstance(value, int) and key in {"epoch_start", "epoch_end", "epoch_time", "timestamp"}
        return value + by_ms if shift and is_time else value

    return changed("", found)


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, tokens: dict[str, str]) -> Iterator[Pipeline]:
    with running_stack(new_home(tmp_path_factory)) as running:
        tokens |= {vendor: running.add_reader(f"{vendor}-1", vendor, PLACE) for vendor in ("openalpr", "rekor")}
        running.roles.start()
        yield running


def post(pipeline: Pipeline, tokens: dict[str, str], vendor: str, body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {tokens[vendor]}"}
    return httpx.post(f"{pipeline.collector_url}/v1/messages/{vendor}", json=body, headers=headers)


def wait_for_rows(pipeline: Pipeline, plate: str, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    with httpx.Client() as client:
        while len(rows := pipeline.search(client, plate)) < count and time.monotonic() < deadline:
            time.sleep(0.3)
    return rows


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_plate_time_place_confidence_and_pictures_arrive(name: str, pipeline: Pipeline, tokens: dict[str, str]) -> None:
    vendor, plate, state, place, confidence = EXPECTED[name]
    sent = message(name, shift=True)
    assert post(pipeline, tokens, vendor, sent).status_code == 202
    [row] = wait_for_rows(pipeline, plate, 1)
    collected_at = datetime.fromisoformat(row["collected_at"])
    group = sent.get("group", sent)
    assert collected_at == from_ms(group["epoch_start"])
    assert collected_at.utcoffset() == timedelta(0)
    assert (row["plate"], row["state"]) == (plate, state)
    assert (row["latitude"], row["longitude"]) == pytest.approx(place)
    assert row["confidence"] == pytest.approx(confidence, abs=1e-4)
    assert row["classification"] == "private"
    assert row["destroy_by"] == (collected_at.date() + timedelta(days=60)).isoformat()
    store = PictureStore(pipeline.settings)
    for picture in row["pictures"]:
        content = wait_for_picture(store, collected_at, UUID(row["read_id"]), PictureKind(picture["kind"]))
        assert hashlib.sha256(content).hexdigest() == picture["sha256"]
    assert len(row["pictures"]) == (0 if vendor == "openalpr" else 3)


def wait_for_picture(store: PictureStore, collected_at: datetime, read_id: UUID, kind: PictureKind) -> bytes:
    deadline = time.monotonic() + 30
    while True:
        try:
            return store.read(day_of(collected_at), read_id, kind)
        except FileNotFoundError:
            assert time.monotonic() < deadline, f"{kind} did not arrive in the picture store"
            time.sleep(0.2)


@pytest.mark.parametrize("name", sorted(WITHOUT_PLATE))
def test_messages_without_a_plate_give_no_read(name: str, pipeline: Pipeline, tokens: dict[str, str]) -> None:
    answer = post(pipeline, tokens, WITHOUT_PLATE[name], message(name, shift=True))
    assert (answer.status_code, answer.json()["reads"]) == (202, 0)


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_old_messages_are_counted_as_overdue_and_not_stored(
    name: str, pipeline: Pipeline, tokens: dict[str, str]
) -> None:
    vendor, plate, *_ = EXPECTED[name]
    before = len(wait_for_rows(pipeline, plate, 0))
    answer = post(pipeline, tokens, vendor, message(name, shift=False))
    assert (answer.status_code, answer.json()["reads"], answer.json()["overdue"]) == (202, 0, 1)
    metrics = httpx.get(f"http://127.0.0.1:{pipeline.settings.collector.probe_port}/metrics").text
    assert f'platestream_collector_messages_total{{outcome="overdue",vendor="{vendor}"}}' in metrics
    assert len(wait_for_rows(pipeline, plate, 0)) == before


@pytest.mark.rule("retention.suppressed")
@pytest.mark.skipif("PLATESTREAM_SOAK" not in os.environ, reason="waits more than a minute; make soak runs it")
def test_a_plate_that_comes_onto_the_suppressed_list_leaves_storage(pipeline: Pipeline, tokens: dict[str, str]) -> None:
    sent = message("rekor_alpr_group.trim.json", shift=True) | {
        "best_plate_number": "QXW7731",
        "best_uuid": "suppressed",
    }
    assert post(pipeline, tokens, "rekor", sent).status_code == 202
    [row] = wait_for_rows(pipeline, "QXW7731", 1)
    day, read_id = day_of(datetime.fromisoformat(row["collected_at"])), UUID(row["read_id"])
    store = PictureStore(pipeline.settings)
    wait_for_picture(store, datetime.fromisoformat(row["collected_at"]), read_id, PictureKind.PLATE)
    key = load_suppression_key(pipeline.settings)
    SuppressionKeeper(pipeline.settings.kafka, pipeline.codec, key, SystemClock()).suppress("qxw 7731")
    deadline = time.monotonic() + 180
    while wait_for_rows(pipeline, "QXW7731", 0):
        assert time.monotonic() < deadline, "the read of a suppressed plate is still found"
        time.sleep(3)
    with pytest.raises(FileNotFoundError):
        store.read(day, read_id, PictureKind.PLATE)


@pytest.mark.rule("collection.closed")
def test_nothing_forbidden_is_anywhere(pipeline: Pipeline) -> None:
    """Last in this file: looks at what all the messages above left behind, decompressed and as bytes on disk."""
    from schemas.topics import topics

    for topic in topics():
        for key, value in pipeline.records(topic):
            assert not FORBIDDEN.search((key or b"") + (value or b"")), topic
    pipeline.roles.stop()
    store = Store(pipeline.settings)
    try:
        tables = store.client().query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
        dumped = b"".join(
            store.client().raw_query(f"SELECT * FROM {table}", fmt="JSONEachRow")
            for (table,) in tables
            if not table.startswith(".")
        )
    finally:
        store.close()
    assert fold("A13709").encode() in dumped, "the dump must be able to find something"
    assert not FORBIDDEN.search(dumped)
    files = [file for file in pipeline.settings.home.rglob("*") if file.is_file()]
    assert len(files) > 50
    found = [file.name for file in files if FORBIDDEN.search(file.read_bytes())]
    assert not found
    logs = b"".join(file.read_bytes() for file in (pipeline.settings.home / "logs").iterdir())
    assert not [plate for _, plate, *_ in EXPECTED.values() if plate.encode() in logs or fold(plate).encode() in logs]
