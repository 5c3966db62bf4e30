"""How the gateway begins and ends to serve, whatever it serves."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from gateway.serving import listen, serve_gateway
from platestream.errors import ConfigError, IntegrityError
from platestream.settings import GatewaySettings
from tests.certificates import write_certificate


def serving(
    app: FastAPI,
    listening: socket.socket,
    stop: threading.Event,
    turn: Callable[[], None],
    settings: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
) -> "Future[None]":
    """Serve in a thread of its own; the future ends as the serving ends."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            done.set_result(serve_gateway(app, listening, stop, each_turn=turn, gateway=settings))
        except IntegrityError as fault:
            done.set_exception(fault)

    threading.Thread(target=run, daemon=True).start()
    return done


def test_searches_under_way_are_answered_before_it_ends() -> None:
    app, stop, begun = FastAPI(), threading.Event(), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        begun.set()
        time.sleep(0.5)
        return "answered"

    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/slow"
    done = serving(app, listening, stop, lambda: None)
    threading.Thread(target=lambda: begun.wait(10) and stop.set(), daemon=True).start()
    assert httpx.get(url, timeout=20).json() == "answered"
    done.result(20)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_damage_ends_the_serving_and_is_told_to_the_caller() -> None:
    def damaged() -> None:
        raise IntegrityError("events are missing")

    done = serving(FastAPI(), listen("127.0.0.1", 0), threading.Event(), damaged)
    with pytest.raises(IntegrityError, match="events are missing"):
        done.result(20)


def test_a_port_that_is_taken_is_said() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match=r"set another gateway\.port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_with_a_certificate_the_port_speaks_tls_and_nothing_else(tmp_path: Path) -> None:
    app, stop, listening = FastAPI(), threading.Event(), listen("127.0.0.1", 0)
    app.add_api_route("/", lambda: "answered")
    certificate, key = write_certificate(tmp_path)
    settings = GatewaySettings(tls_certificate_file=certificate, tls_key_file=key)
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    done = serving(app, listening, stop, lambda: None, settings)
    context = ssl.create_default_context(cafile=str(settings.tls_certificate_file))
    try:
        assert httpx.get(f"https://{address}/", verify=context, timeout=20).json() == "answered"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://{address}/", timeout=20)
    finally:
        stop.set()
        done.result(20)


def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    settings = GatewaySettings(tls_certificate_file=certificate, tls_key_file=key)
    key.write_text("no key")
    with listen("127.0.0.1", 0) as listening, pytest.raises(ConfigError, match="tls_certificate_file"):
        serve_gateway(FastAPI(), listening, threading.Event(), each_turn=lambda: None, gateway=settings)


def test_endless_headers_and_too_many_at_once_are_cut_short() -> None:
    app, stop, listening = FastAPI(), threading.Event(), listen("127.0.0.1", 0)
    app.add_api_route("/", lambda: "answered")
    place = listening.getsockname()
    done = serving(app, listening, stop, lambda: None, GatewaySettings(requests_at_once=3))
    try:
        with socket.create_connection(place, timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000)
            assert b" 400 " in client.recv(1000)
        with closing_all([socket.create_connection(place, timeout=20) for _ in range(4)]):
            answer = httpx.get(f"http://127.0.0.1:{place[1]}/", timeout=20)
            assert answer.status_code == 503
    finally:
        stop.set()
        done.result(20)


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
REFUSED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", HEAD, REFUSED], ids=repr)
def test_who_asks_nothing_or_a_byte_at_a_time_does_not_hold_a_connection(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("gateway.connections.HEAD_SECONDS", 0.5)
    app, stop, listening = FastAPI(), threading.Event(), listen("127.0.0.1", 0)
    app.add_api_route("/", lambda: "answered")
    done = serving(app, listening, stop, lambda: None)
    try:
        with socket.create_connection(listening.getsockname(), timeout=20) as client:
            client.sendall(begun)
            started = time.monotonic()
            with pytest.raises(OSError):  # noqa: PT011 - reset or broken, as it falls
                while time.monotonic() < started + 10:
                    client.sendall(b"x" if begun else b"")
                    time.sleep(0.1)
                    client.setblocking(False)
                    if _is_ended(client):
                        raise ConnectionResetError
                    client.setblocking(True)
            assert time.monotonic() < started + 5
    finally:
        stop.set()
        done.result(20)


def _is_ended(client: socket.socket) -> bool:
    try:
        while content := client.recv(1000):
            assert content
    except BlockingIOError:
        return False
    return True


def test_a_request_that_takes_longer_is_answered_and_so_is_the_next_on_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.connections.HEAD_SECONDS", 0.3)
    app, stop, listening = FastAPI(), threading.Event(), listen("127.0.0.1", 0)
    app.add_api_route("/slow", lambda: time.sleep(1) or "answered")
    done = serving(app, listening, stop, lambda: None)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=20) as client:
            assert [client.get("/slow").json() for _ in range(2)] == ["answered"] * 2
    finally:
        stop.set()
        done.result(20)


def test_what_a_client_says_of_its_address_is_not_believed() -> None:
    app, stop, listening = FastAPI(), threading.Event(), listen("127.0.0.1", 0)

    @app.get("/")
    def who(request: Request) -> list[str]:
        return [request.client.host if request.client else "", request.url.scheme]

    done = serving(app, listening, stop, lambda: None)
    try:
        said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.9"}
        answer = httpx.get(f"http://127.0.0.1:{listening.getsockname()[1]}/", headers=said, timeout=20)
        assert answer.json() == ["127.0.0.1", "http"]
    finally:
        stop.set()
        done.result(20)


def test_who_takes_nothing_of_an_answer_is_let_go() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


@contextmanager
def closing_all(clients: list[socket.socket]) -> Iterator[None]:
    try:
        yield
    finally:
        for client in clients:
            client.close()
