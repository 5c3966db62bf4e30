"""The collector process with a real broker: what it answers arrives, and it stops as it should."""

import hashlib
import signal
import socket
import threading
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from schemas.messages import Heartbeat, Picture, PlateRead
from schemas.plates import fold
from streams.devices import simulated
from streams.devices.scenes import draw_scene
from streams.devices.simulated import Sighting
from tests.integration.streams.devices.conftest import Site, collect, end, wait_until
from tests.stack import free_port

PLATE = "QIO8120"


def sighting() -> Sighting:
    return Sighting(plate=PLATE, state="MN", at=datetime.now(UTC), uuid=str(uuid4()), scene=draw_scene(PLATE, "MN"))


@pytest.mark.rule("collection.closed", "retention.sixty-days")
def test_a_message_arrives_with_its_pictures_and_leaves_the_disk(site: Site) -> None:
    with site.running() as process:
        answer = httpx.post(
            f"{site.url}/v1/messages/rekor", json=simulated.rekor_alert(sighting()), headers=site.headers
        )
        assert answer.status_code == 202
        [read_id] = answer.json()["read_ids"]
        reads = collect(site, "plate-reads", {read_id}, lambda read: str(read.read_id))  # type: ignore[attr-defined]
        [(key, read)] = [(key, read) for key, read in reads if str(read.read_id) == read_id]  # type: ignore[attr-defined]
        assert isinstance(read, PlateRead)
        assert (key.decode(), read.plate, read.device_id) == (fold(PLATE), PLATE, site.device_id)
        hashes = {reference.sha256.hex() for reference in read.pictures}
        pictures = collect(site, "plate-pictures", hashes, lambda picture: picture.sha256.hex())  # type: ignore[attr-defined]
        own = [picture for key, picture in pictures if key.decode() == read_id]
        assert len(own) == 3
        for picture in own:
            assert isinstance(picture, Picture)
            assert hashlib.sha256(picture.content).digest() == picture.sha256
        wait_until(lambda: PLATE.encode() not in site.spool_bytes())
        code, logged = end(process)
    assert code == 0
    assert PLATE not in logged
    assert not [value for value in simulated.FORBIDDEN_VALUES if value in logged]


def test_a_heartbeat_arrives(site: Site) -> None:
    with site.running():
        httpx.post(
            f"{site.url}/v1/messages/rekor",
            json=simulated.openalpr_heartbeat(datetime.now(UTC)),
            headers=site.headers,
        ).raise_for_status()
        found = collect(site, "device-health", {site.device_id}, lambda beat: beat.device_id)  # type: ignore[attr-defined]
    [(key, beat)] = [(key, beat) for key, beat in found if key.decode() == site.device_id]
    assert isinstance(beat, Heartbeat)
    assert beat.cameras[0].camera_id == "1000"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_lives_and_ends_cleanly_at_a_signal(site: Site, sent: signal.Signals) -> None:
    with site.running() as process:
        probe = f"http://127.0.0.1:{site.settings.collector.probe_port}"
        assert httpx.get(f"{probe}/livez").status_code == 200
        assert "platestream_collector_spool_rows 0.0" in httpx.get(f"{probe}/metrics").text
        code, logged = end(process, sent)
    assert code == 0
    assert "Traceback" not in logged


def test_a_taken_port_ends_it_with_a_sentence(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.settings.collector.port)):
        process = site.start()
        _, logged = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {site.settings.collector.port}" in logged


def test_a_second_collector_of_the_same_home_ends_with_a_sentence(site: Site) -> None:
    with site.running():
        collector = site.settings.collector.model_copy(update={"port": free_port(), "probe_port": free_port()})
        other = Site(site.settings.model_copy(update={"collector": collector}), site.codec, site.device_id, site.token)
        process = other.start()
        _, logged = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "another collector" in logged


@pytest.mark.parametrize(("authorized", "status"), [(True, 413), (False, 401)])
def test_an_endless_body_is_refused_while_it_comes(site: Site, *, authorized: bool, status: int) -> None:
    """Over a real socket the answer must arrive although the sender has not finished."""
    with site.running(), socket.create_connection(("127.0.0.1", site.settings.collector.port)) as sender:
        secret = f"Authorization: Bearer {site.token}\r\n" if authorized else ""
        sender.sendall(
            f"POST /v1/messages/rekor HTTP/1.1\r\nHost: x\r\n{secret}Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        stop = threading.Event()

        def send() -> None:
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            try:
                while not stop.is_set():
                    sender.sendall(chunk)
            except OSError:
                return

        sending = threading.Thread(target=send)
        sending.start()
        sender.settimeout(20)
        answer = sender.recv(100).decode()
        stop.set()
        sender.shutdown(socket.SHUT_RDWR)
        sending.join()
    assert answer.startswith(f"HTTP/1.1 {status}")
