"""The door as a reader meets it: statuses, words, and that nothing is answered 202 that is not on disk."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from platestream.clock import SetClock
from platestream.errors import TransientError
from platestream.settings import CollectorSettings, Settings
from schemas.codec import Codec
from streams.devices import simulated
from streams.devices.collector import create_collector
from streams.devices.registry import Devices
from streams.devices.scenes import draw_scene
from streams.devices.simulated import JsonObject, Sighting
from streams.devices.spool import Record, Spool, SpoolFull
from streams.ledger.suspending import SuspendedSpan, Suspensions
from tests.unit.streams.devices.conftest import NOW

MAX_BODY_BYTES = 200_000
PLATE = "QXZ8120"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool", 8 * 1024**2)
    yield opened
    opened.close()


@pytest.fixture
def clock(now: datetime) -> SetClock:
    return SetClock(now)


@pytest.fixture
async def reader(codec: Codec, clock: SetClock, devices: Devices, spool: Spool) -> AsyncIterator[httpx.AsyncClient]:
    """A client that talks to the application without a socket."""
    tree = Settings(collector=CollectorSettings(max_body_bytes=MAX_BODY_BYTES))
    app = create_collector(tree, codec, clock, devices, spool)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        yield client


@pytest.fixture
def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['rekor']}"}


async def post(reader: httpx.AsyncClient, vendor: str, token: str, message: JsonObject) -> httpx.Response:
    return await reader.post(f"/v1/messages/{vendor}", json=message, headers={"Authorization": f"Bearer {token}"})


def counted(vendor: str, outcome: str) -> float:
    labels = {"vendor": vendor, "outcome": outcome}
    return REGISTRY.get_sample_value("platestream_collector_messages_total", labels) or 0


def topics(spool: Spool) -> list[str]:
    return [found.topic for found in spool.read(after=0, max_records=100, max_bytes=10**8)]


async def test_a_read_is_on_disk_when_it_is_answered(
    reader: httpx.AsyncClient, spool: Spool, codec: Codec, tokens: dict[str, str], sighting: Sighting
) -> None:
    before = counted("rekor", "accepted")
    pictured = Sighting(**vars(sighting) | {"scene": draw_scene(PLATE, "MN")})
    answer = await post(reader, "rekor", tokens["rekor"], simulated.rekor_group(pictured))
    assert answer.status_code == 202
    body = answer.json()
    assert (body["reads"], body["pictures"], body["pictures_refused"], body["heartbeat"]) == (1, 3, [], False)
    assert topics(spool) == ["plate-reads", *["plate-pictures"] * 3]
    [read] = spool.read(after=0, max_records=1, max_bytes=10**8)
    assert body["read_ids"] == [str(codec.decode(read.value).read_id)]
    assert counted("rekor", "accepted") == before + 1


async def test_basic_credentials_are_taken(
    reader: httpx.AsyncClient, tokens: dict[str, str], sighting: Sighting
) -> None:
    answer = await reader.post(
        "/v1/messages/openalpr",
        json=simulated.openalpr_results([sighting]),
        auth=("openalpr-1", tokens["openalpr"]),
    )
    assert (answer.status_code, answer.json()["reads"]) == (202, 1)


async def test_heartbeat_vehicle_and_overdue_are_accepted_and_told_apart(
    reader: httpx.AsyncClient, spool: Spool, clock: SetClock, tokens: dict[str, str], sighting: Sighting
) -> None:
    outcomes = ("heartbeat", "no-plate", "overdue")
    before = [counted("rekor", outcome) for outcome in outcomes]
    beat = await post(reader, "rekor", tokens["rekor"], simulated.openalpr_heartbeat(clock.now()))
    vehicle = await post(reader, "rekor", tokens["rekor"], simulated.rekor_vehicle(sighting))
    clock.advance(timedelta(days=60))
    overdue = await post(reader, "rekor", tokens["rekor"], simulated.rekor_group(sighting))
    assert [answer.status_code for answer in (beat, vehicle, overdue)] == [202] * 3
    assert beat.json()["heartbeat"]
    assert overdue.json()["overdue"] == 1
    assert topics(spool) == ["device-health"]
    assert [counted("rekor", outcome) for outcome in outcomes] == [count + 1 for count in before]


@pytest.mark.rule("retention.sixty-days")
async def test_an_overdue_read_never_reaches_the_disk(
    reader: httpx.AsyncClient, clock: SetClock, tokens: dict[str, str], sighting: Sighting, tmp_path: Path
) -> None:
    clock.advance(timedelta(days=60))
    await post(reader, "rekor", tokens["rekor"], simulated.rekor_group(sighting))
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and PLATE.encode() in file.read_bytes()]


@pytest.mark.rule("collection.closed")
async def test_nothing_forbidden_reaches_the_disk(
    reader: httpx.AsyncClient, spool: Spool, tokens: dict[str, str], sighting: Sighting, tmp_path: Path
) -> None:
    await post(reader, "rekor", tokens["rekor"], simulated.rekor_alert(sighting))
    await post(reader, "rekor", tokens["rekor"], simulated.openalpr_heartbeat(sighting.at))
    assert len(spool) == 2
    disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert PLATE.encode() in disk
    assert not [value for value in simulated.FORBIDDEN_VALUES if value.encode() in disk]


def wrong_credentials(token: str) -> list[str | None]:
    basic = base64.b64encode(f"nobody:{token}".encode()).decode()
    return [None, "Bearer wrong", f"Basic {basic}", "Basic ???"]


async def test_unknown_device_and_wrong_credential_are_answered_alike(
    reader: httpx.AsyncClient, spool: Spool, tokens: dict[str, str], sighting: Sighting
) -> None:
    answers = []
    for header in wrong_credentials(tokens["rekor"]):
        headers = {"Authorization": header} if header else {}
        answers.append(await reader.post("/v1/messages/rekor", json=simulated.rekor_group(sighting), headers=headers))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert "Bearer" in answers[0].headers["WWW-Authenticate"]
    assert "Basic" in answers[0].headers["WWW-Authenticate"]
    assert len(spool) == 0


async def test_each_refusal_has_its_status_reason_and_words(
    reader: httpx.AsyncClient, spool: Spool, bearer: dict[str, str], sighting: Sighting, clock: SetClock
) -> None:
    good = json.dumps(simulated.rekor_group(sighting)).encode()
    ahead = json.dumps(simulated.rekor_group(sighting) | {"epoch_start": 1_900_000_000_000}).encode()
    cases: list[tuple[int, str, str, dict[str, Any]]] = [
        (404, "unknown-vendor", "acme", {"content": good}),
        (422, "wrong-vendor", "openalpr", {"content": good}),
        (400, "malformed", "rekor", {"content": b'{"data_type": "alpr_group", "best_plate_number": "QXZ81'}),
        (400, "malformed", "rekor", {"content": b""}),
        (422, "not-an-object", "rekor", {"content": b"[]"}),
        (422, "unknown-kind", "rekor", {"content": b"{}"}),
        (422, "clock-ahead", "rekor", {"content": ahead}),
        (415, "not-json", "rekor", {"content": good, "headers": {"Content-Type": "application/xml"}}),
        (415, "not-json", "rekor", {"content": good, "headers": {"Content-Encoding": "gzip"}}),
        (413, "too-large", "rekor", {"content": b" " * (MAX_BODY_BYTES + 1)}),
    ]
    for status, reason, vendor, request in cases:
        label = vendor if vendor != "acme" else "unknown"
        before = counted(label, reason)
        headers = bearer | request.pop("headers", {})
        answer = await reader.post(f"/v1/messages/{vendor}", headers=headers, **request)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")
        assert answer.json()["type"].endswith(reason)
        assert PLATE[:5] not in answer.text
        assert counted(label, reason) == before + 1
    assert len(spool) == 0


async def test_content_types_of_json_are_taken(
    reader: httpx.AsyncClient, bearer: dict[str, str], sighting: Sighting
) -> None:
    content = json.dumps(simulated.rekor_group(sighting)).encode()
    for kind in (None, "application/json; charset=utf-8", "Text/JSON", "application/vnd.acme+json"):
        headers = bearer | ({"Content-Type": kind} if kind else {})
        answer = await reader.post("/v1/messages/rekor", content=content, headers=headers)
        assert answer.status_code == 202


async def test_a_large_body_is_cut_off_while_it_comes(reader: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 10_000
            yield b" " * 10_000

    answer = await reader.post("/v1/messages/rekor", content=endless(), headers=bearer)
    assert answer.status_code == 413
    assert sent <= MAX_BODY_BYTES + 20_000


async def test_a_body_that_does_not_come_is_not_waited_for(
    reader: httpx.AsyncClient, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.devices.door._BODY_SECONDS", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    answer = await reader.post("/v1/messages/rekor", content=stalled(), headers=bearer)
    assert (answer.status_code, answer.json()["reason"]) == (408, "too-slow")


async def test_a_full_spool_is_507_and_a_broken_one_503(
    reader: httpx.AsyncClient,
    spool: Spool,
    tokens: dict[str, str],
    sighting: Sighting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for error, status, reason in (
        (SpoolFull("The spool is full."), 507, "spool-full"),
        (TransientError("The spool cannot be written."), 503, "spool-broken"),
    ):

        def put(_: list[Record], error: Exception = error) -> "Future[int]":
            failed: Future[int] = Future()
            failed.set_exception(error)
            return failed

        monkeypatch.setattr(spool, "put", put)
        answer = await post(reader, "rekor", tokens["rekor"], simulated.rekor_group(sighting))
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert answer.headers["Retry-After"]


async def test_other_addresses_and_methods_are_problems_too(reader: httpx.AsyncClient) -> None:
    assert (await reader.get("/nothing")).json()["status"] == 404
    assert (await reader.get("/v1/messages/rekor")).status_code == 405


async def test_what_is_here_is_described(reader: httpx.AsyncClient) -> None:
    links = (await reader.get("/")).json()
    assert links["post"] == ["/v1/messages/openalpr", "/v1/messages/rekor"]
    assert (await reader.get(links["documentation"])).status_code == 200
    page = (await reader.get("/openapi.json")).json()
    operation = page["paths"]["/v1/messages/{vendor}"]["post"]
    assert {"202", "400", "401", "404", "408", "413", "415", "422", "503", "507"} <= set(operation["responses"])
    assert len(operation["security"]) == 2
    assert operation["requestBody"]["required"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    "best_plate best_plate_number best_uuid uuids uuid epoch_start epoch_time group results candidates plate "
    "confidence region best_region country gps_latitude gps_longitude overview_jpeg timestamp video_streams "
    "camera_id fps is_streaming daemon_uptime_seconds".split()
)
KINDS = st.sampled_from(["alpr_group", "alpr_results", "alpr_alert", "vehicle", "heartbeat"])


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, Any]:
    """A vendor and any JSON, most of it close to what the vendor sends."""
    sighting = Sighting(plate=PLATE, state="MN", at=NOW, uuid="frame-17")
    built = {"openalpr": simulated.openalpr_results([sighting]), "rekor": simulated.rekor_alert(sighting)}
    vendor, changes = draw(st.sampled_from(sorted(built))), draw(st.dictionaries(NAMES, JSON))
    within = draw(st.sampled_from([changes, {"results": [changes]}, {"group": changes}, {"best_plate": changes}]))
    kind = {"data_type": draw(KINDS)}
    return vendor, draw(
        st.sampled_from([built[vendor] | within, built[vendor] | kind | within, kind | within, changes])
    )


@given(posted=messages() | st.tuples(st.just("rekor"), JSON))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_is_answered_and_never_an_error_of_ours(
    reader: httpx.AsyncClient, tokens: dict[str, str], posted: tuple[str, Any]
) -> None:
    vendor, value = posted
    answer = await reader.post(
        f"/v1/messages/{vendor}",
        content=json.dumps(value).encode(),
        headers={"Authorization": f"Bearer {tokens[vendor]}"},
    )
    assert answer.status_code in {202, 400, 422}


@given(body=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_are_answered_and_never_an_error_of_ours(
    reader: httpx.AsyncClient, bearer: dict[str, str], body: bytes
) -> None:
    answer = await reader.post("/v1/messages/rekor", content=body, headers=bearer)
    assert answer.status_code in {400, 422}


async def test_no_plate_is_in_a_log_line(
    reader: httpx.AsyncClient,
    tokens: dict[str, str],
    sighting: Sighting,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        for vendor, build in (("openalpr", simulated.openalpr_group), ("rekor", simulated.rekor_group)):
            for changes in ({}, {"best_uuid": None, "uuids": None}, {"epoch_start": 1}):
                await post(reader, vendor, tokens[vendor], build(sighting) | changes)
    assert PLATE not in caplog.text


@pytest.mark.rule("suspension.order")
async def test_a_reader_is_told_that_its_reads_are_not_kept_and_does_not_send_them_again(
    codec: Codec, clock: SetClock, devices: Devices, spool: Spool, tokens: dict[str, str], sighting: Sighting
) -> None:
    suspended = Suspensions((SuspendedSpan(clock.now()),))
    app = create_collector(Settings(), codec, clock, devices, spool, suspensions=lambda: suspended)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        answer = await post(client, "rekor", tokens["rekor"], simulated.rekor_group(sighting))
        beat = await post(client, "rekor", tokens["rekor"], simulated.openalpr_heartbeat(clock.now()))
    assert (answer.status_code, answer.json()["reads"], answer.json()["suspended"]) == (202, 0, 1)
    assert beat.json()["heartbeat"]
    assert topics(spool) == ["device-health"]
