"""How the gateway begins and ends to serve, whatever it serves."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import httpx
import pytest
from fastapi import FastAPI

from gateway.serving import listen, serve_gateway
from platestream.errors import ConfigError, IntegrityError


def serving(app: FastAPI, listening: socket.socket, stop: threading.Event, turn: Callable[[], None]) -> "Future[None]":
    """Serve in a thread of its own; the future ends as the serving ends."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            done.set_result(serve_gateway(app, listening, stop, each_turn=turn))
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
