"""The course of `platestream run`: start all, show how to look at it, count, end all in order."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway.access.tokens import issue_token
from platestream.cli.running.counters import Counters, look
from platestream.cli.running.fleet import Fleet, search_now_and_then
from platestream.cli.running.guide import guide
from platestream.cli.running.preparation import (
    ANALYST,
    listed_plates,
    prepare_analyst,
    prepare_hotlist,
    prepare_keys,
    prepare_readers,
)
from platestream.cli.running.roles import Roles
from platestream.clock import SystemClock
from platestream.settings import Settings
from streams.embedded.progress import download_bar
from streams.embedded.signals import interrupted_by_signals
from streams.embedded.stack import EmbeddedStack
from streams.registry import load_codec, register_schemas
from streams.topics import check_topics, create_topics

_DRAIN_SECONDS = 15.0
_PLAIN_LINE_SECONDS = 5.0
_TOKEN_TIME = timedelta(hours=8)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What came through in the end; `faults` are sentences, empty when every stage moved."""

    counters: Counters
    faults: Sequence[str]


def run_demonstration(settings: Settings, for_seconds: float | None, rate: float, say: Say) -> Summary:
    """Run until the time is over, Ctrl-C or SIGTERM, or a role ends.

    Raises ConfigError when something cannot be started.
    """
    started = time.monotonic()
    counters, faults = Counters({}, None), list[str]()
    try:
        with interrupted_by_signals(), ExitStack() as stack:
            stack.enter_context(EmbeddedStack(settings, on_progress=stack.enter_context(download_bar())))
            say(f"broker and registry answer after {time.monotonic() - started:.1f} s")
            create_topics(settings.kafka)
            check_topics(settings.kafka)
            register_schemas(settings.registry.url)
            say("topics and schemas are in place")
            demonstration = _Demonstration(settings, rate, say)
            stack.callback(demonstration.stop)
            demonstration.start()
            say(f"ready after {time.monotonic() - started:.1f} s\n\n{guide(settings, demonstration.token())}")
            counters, faults = demonstration.watch(for_seconds)
            say("stopping")
    except KeyboardInterrupt:
        say("stopped before everything was ready")
    faults += _still(counters)
    for fault in faults:
        say(fault)
    return Summary(counters, faults)


class _Demonstration:
    """Roles, fleet and analyst of one run."""

    def __init__(self, settings: Settings, rate: float, say: Say) -> None:
        self._settings, self._rate, self._say = settings, rate, say
        self._clock = SystemClock()
        self._roles = Roles(settings)
        self._leaving = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        codec = load_codec(self._settings)
        prepare_keys(self._settings)
        credentials = prepare_readers(self._settings)
        prepare_hotlist(self._settings, codec, self._clock)
        listed = listed_plates()
        prepare_analyst(self._settings, codec, self._clock)
        self._roles.start()
        self._say("storage, processor and collector are running")
        fleet = Fleet(self._settings, credentials, listed, self._rate)
        for work in (
            lambda: fleet.drive(self._leaving),
            lambda: search_now_and_then(self._settings, self.token, listed, self._leaving),
        ):
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()

    def token(self) -> str:
        return issue_token(self._settings, ANALYST, _TOKEN_TIME, self._clock)

    def watch(self, for_seconds: float | None) -> tuple[Counters, list[str]]:
        """Show the counters until the end, then let what is under way arrive. What came through, and faults."""
        end = time.monotonic() + for_seconds if for_seconds else float("inf")
        counters = Counters({}, None)
        try:
            with _display(self._say) as show:
                while time.monotonic() < end and not self._roles.ended():
                    counters = look(self._settings)
                    show(counters)
                    time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        except KeyboardInterrupt:
            self._say("")
        self._end_fleet()
        if not (ended := self._roles.ended()):
            counters = self._drain()
        self._say(f"in all: {counters.line()}")
        return counters, ended

    def stop(self) -> None:
        self._end_fleet()
        for role in self._roles.stop():
            self._say(f"{role} did not end by itself in time and was killed")

    def _end_fleet(self) -> None:
        self._leaving.set()
        for thread in self._threads:
            thread.join(timeout=15)

    def _drain(self) -> Counters:
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not (counters := look(self._settings)).has_arrived() and time.monotonic() < deadline:
            time.sleep(0.2)
        return counters


@contextmanager
def _display(say: Say) -> Iterator[Callable[[Counters], None]]:
    """A live table on a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        with Live(console=Console(stderr=True), auto_refresh=False) as live:
            yield lambda counters: live.update(_table(counters), refresh=True)
        return
    said_at = 0.0

    def show(counters: Counters) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _PLAIN_LINE_SECONDS:
            said_at = time.monotonic()
            say(counters.line())

    yield show


def _table(counters: Counters) -> Table:
    table = Table("stage", "since the start", title="one plate read after the other")
    for stage, count in counters.counts.items():
        table.add_row(stage, f"{count:,}")
    table.add_row("p99 read to alert", counters.latency())
    return table


def _still(counters: Counters) -> list[str]:
    return [f"nothing came through: {stage}" for stage in counters.standing_still()]
