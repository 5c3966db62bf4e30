"""Two loops in threads: a dead one is never silent, and alive means that both turn."""

import threading
from collections.abc import Callable

import pytest

from platestream.errors import IntegrityError, TransientError
from sinks.service import Sinks

SECONDS = 10


def turning(stop: threading.Event, turned: Callable[[], None]) -> None:
    while not stop.wait(0.01):
        turned()


def test_an_error_of_one_ends_both_and_is_raised() -> None:
    others_end = threading.Event()

    def lost(stop: threading.Event, _: Callable[[], None]) -> None:
        raise IntegrityError("messages were lost")

    def other(stop: threading.Event, turned: Callable[[], None]) -> None:
        turning(stop, turned)
        others_end.set()

    sinks = Sinks({"reads": lost, "pictures": other}, lambda: None)
    sinks.check()
    sinks.start()
    assert sinks.failed.wait(SECONDS)
    assert others_end.wait(SECONDS)
    with pytest.raises(IntegrityError, match="were lost"):
        sinks.check()
    with pytest.raises(IntegrityError, match="were lost"):
        sinks.stop()


def test_even_an_error_that_nobody_foresaw_is_raised() -> None:
    def broken(stop: threading.Event, turned: Callable[[], None]) -> None:
        raise SystemExit

    sinks = Sinks({"reads": broken}, lambda: None)
    sinks.start()
    assert sinks.failed.wait(SECONDS)
    with pytest.raises(SystemExit):
        sinks.check()


def test_beats_come_only_while_both_turn() -> None:
    beats = threading.Semaphore(0)
    stuck = threading.Event()
    is_stuck = threading.Event()

    def sometimes_stuck(stop: threading.Event, turned: Callable[[], None]) -> None:
        while not stop.wait(0.01):
            turned()
            if stuck.is_set():
                is_stuck.set()
                stop.wait(SECONDS)

    sinks = Sinks({"reads": turning, "pictures": sometimes_stuck}, beats.release)
    sinks.start()
    assert all(beats.acquire(timeout=SECONDS) for _ in range(3))
    stuck.set()
    assert is_stuck.wait(SECONDS)
    while beats.acquire(timeout=0.3):  # those from before it was stuck
        pass
    assert not beats.acquire(timeout=0.3)
    sinks.stop()
    assert not sinks.failed.is_set()


def test_one_that_does_not_end_is_said_so() -> None:
    release = threading.Event()

    def deaf(stop: threading.Event, turned: Callable[[], None]) -> None:
        release.wait(SECONDS)

    sinks = Sinks({"reads": deaf}, lambda: None)
    sinks.start()
    with pytest.raises(TransientError, match="did not end within"):
        sinks.stop(seconds=0.05)
    release.set()
    sinks.stop()
