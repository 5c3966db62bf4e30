"""Step 4, matched: the processor's process. Runs the Faust app until a signal ends it."""

import asyncio
import logging
import signal
from collections.abc import Callable

import faust

from platestream.clock import Clock
from platestream.ending import describe, end_process
from platestream.errors import IntegrityError, TransientError
from platestream.probe import Probe
from platestream.settings import Settings
from processors.matching.agent import MatchingTopics, matching_app
from processors.matching.warming import warm_up
from schemas.codec import Codec
from streams.ledger.watching import watching_suspensions
from streams.topics import check_topics

_BEAT_SECONDS = 1.0
_STOP_SECONDS = 30.0
_READY_SECONDS = 60.0

logger = logging.getLogger(__name__)


def serve_processor(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Match reads until SIGTERM or SIGINT. A restart goes on where the broker last acknowledged.

    Raises ConfigError when the topics are not what their files say, TransientError when the broker is away.
    """
    check_topics(settings.kafka)
    with watching_suspensions(settings.kafka, codec) as watch:
        watch.wait_ready(_READY_SECONDS)
        _serve(settings, matching_app(settings, codec, clock, MatchingTopics(), watch.now), watch.check_sound)


def run_worker(settings: Settings, codec: Codec, clock: Clock, topics: MatchingTopics) -> None:
    """Like serve_processor, on topics of one's own, without checking them and without a ledger."""
    _serve(settings, matching_app(settings, codec, clock, topics), lambda: None)


def _serve(settings: Settings, app: faust.App, check: Callable[[], None]) -> None:
    warm_up()
    probe = Probe(settings.processor.probe_port)
    try:
        asyncio.run(_run(app, probe, check))
    finally:
        probe.close()


async def _run(app: faust.App, probe: Probe, check: Callable[[], None]) -> None:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    beating = asyncio.create_task(_beat(probe, check))
    try:
        await _until(app, asked_to_stop)
    finally:
        beating.cancel()


async def _until(app: faust.App, asked_to_stop: asyncio.Event) -> None:
    """Run the app until asked to stop. Raises TransientError when it crashes."""
    running = asyncio.create_task(_start(app))
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    failure = app.crash_reason or (running.exception() if running.done() else None)
    stop = asyncio.create_task(app.stop())  # nothing may cancel it: it would go on, and wait for what was cancelled
    if not (await asyncio.wait({stop}, timeout=_STOP_SECONDS))[0]:
        end_process(TransientError(f"The worker did not stop within {_STOP_SECONDS:.0f} s."))
    await stop
    if failure:
        raise TransientError(f"The worker cannot go on: {describe(failure)}.")


async def _start(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


async def _beat(probe: Probe, check: Callable[[], None]) -> None:
    while True:
        try:
            check()
        except IntegrityError as fault:
            end_process(fault)
        probe.beat()
        await asyncio.sleep(_BEAT_SECONDS)
