"""The process readers post to: its HTTP application, spool and publisher (steps 1 to 3).

A message is answered 202 only when it is on disk. Until then the reader keeps it, so nothing is lost between the two.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.security.http import HTTPBase
from starlette.exceptions import HTTPException

from platestream.clock import Clock
from platestream.errors import ConfigError
from platestream.metrics import MESSAGES_HEARD
from platestream.probe import Probe
from platestream.settings import Settings
from schemas.codec import Codec
from streams.devices.adapters import ADAPTERS
from streams.devices.answers import PROBLEM_RESPONSES, Problem, Receipt
from streams.devices.door import Door
from streams.devices.intake import Accepted, Intake
from streams.devices.publisher import Publisher, largest_record_bytes, spool_producer
from streams.devices.registry import Devices, load_devices
from streams.devices.spool import Spool
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions
from streams.ledger.watching import watching_suspensions

_RECORD_BYTES_BESIDE_PICTURE = 1024
_BEAT_SECONDS = 0.5
_STOP_SECONDS = 10
_DESCRIPTION = """
Licence-plate readers post their messages here, each in its vendor's own format, with the credential of the device
(`Authorization: Bearer token`, or Basic with the device's id and the token). Only plate, time, place and pictures are
taken; everything else in a message is dropped before anything is written.
"""
_ANY_JSON_OBJECT = {
    "requestBody": {
        "required": True,
        "description": "One message in the vendor's format: alpr_results, alpr_group, alpr_alert, vehicle, heartbeat.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
# for the description only: the door reads the header itself, before the body
_CREDENTIALS = [
    Depends(HTTPBase(scheme="bearer", scheme_name="token", auto_error=False)),
    Depends(HTTPBase(scheme="basic", scheme_name="device id and token", auto_error=False)),
]


def create_collector(  # noqa: PLR0913 - what it stands on
    settings: Settings,
    codec: Codec,
    clock: Clock,
    devices: Devices,
    spool: Spool,
    *,
    suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
) -> FastAPI:
    """The HTTP application. `spool` is open and stays open when the application ends."""
    app = FastAPI(title="platestream collector", description=_DESCRIPTION, version="1", redoc_url=None)
    intake = Intake(
        codec,
        max_picture_bytes=settings.collector.max_picture_bytes,
        retention_days=settings.retention.days,
        suspensions=suspensions,
    )
    door = Door(intake, devices, spool, clock, max_body_bytes=settings.collector.max_body_bytes)

    @app.post(
        "/v1/messages/{vendor}",
        status_code=202,
        responses=PROBLEM_RESPONSES,
        openapi_extra=_ANY_JSON_OBJECT,
        dependencies=_CREDENTIALS,
        summary="Post one message of a reader",
    )
    async def post_message(vendor: str, request: Request) -> Receipt:
        """Answered 202 once the message is on disk. Safe to send again: the same message gives the same reads."""
        label = vendor if vendor in ADAPTERS else "unknown"
        try:
            accepted = await door.take(vendor, request)
        except Problem as problem:
            MESSAGES_HEARD.labels(label, problem.reason).inc()
            raise
        MESSAGES_HEARD.labels(label, accepted.outcome).inc()
        return _receipt(accepted)

    @app.get("/", summary="What is here")
    async def show_links() -> dict[str, str | list[str]]:
        """Where to post, and where that is described."""
        posts = [f"/v1/messages/{vendor}" for vendor in sorted(ADAPTERS)]
        return {"service": "platestream collector", "post": posts, "documentation": "/docs"}

    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    return app


def serve_collector(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Serve until SIGTERM or SIGINT; then finish requests, publish what the broker still takes, keep the rest on disk.

    Raises ConfigError: port taken, registry file or spool unusable. Raises IntegrityError when spool or publisher died.
    """
    collector = settings.collector
    _check_picture_size(collector.max_picture_bytes)
    devices = load_devices(settings.path(collector.devices_file), ADAPTERS)
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(collector.host, collector.port))
        probe = Probe(collector.probe_port)
        stack.callback(probe.close)
        spool = Spool(settings.home / "spool", collector.max_spool_bytes)
        stack.callback(spool.close)
        publisher = Publisher(
            spool, lambda: spool_producer(settings.kafka), clock, retention_days=settings.retention.days
        )
        publisher.start()
        stack.callback(publisher.stop)
        last_known = settings.home / "suspensions.json"
        watch = stack.enter_context(watching_suspensions(settings.kafka, codec, last_known))
        app = create_collector(settings, codec, clock, devices, spool, suspensions=watch.now)

        def check() -> None:
            spool.check()
            publisher.check()
            watch.check_sound()
            probe.beat()

        asyncio.run(_serve(app, listener, check))


class _Server(uvicorn.Server):
    """Ends at a signal without raising it again: spool and publisher are still to be closed."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


async def _serve(app: FastAPI, listener: socket.socket, check: Callable[[], None]) -> None:
    """`check` is called every _BEAT_SECONDS by the loop that answers requests; what it raises ends the process."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )

    async def watch() -> None:
        try:
            while not server.should_exit:
                check()
                await asyncio.sleep(_BEAT_SECONDS)
        finally:
            server.should_exit = True

    watching = asyncio.create_task(watch())
    await server.serve(sockets=[listener])
    await watching


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"The collector cannot listen on {host} port {port} ({error.strerror}); set collector.host and port."
        ) from None


def _check_picture_size(max_picture_bytes: int) -> None:
    largest = largest_record_bytes() - _RECORD_BYTES_BESIDE_PICTURE
    if max_picture_bytes > largest:
        raise ConfigError(
            f"collector.max_picture_bytes is {max_picture_bytes}, but plate-pictures takes {largest}; set it lower."
        )


def _receipt(accepted: Accepted) -> Receipt:
    return Receipt(
        reads=len(accepted.read_ids),
        read_ids=list(accepted.read_ids),
        pictures=accepted.pictures,
        pictures_refused=list(accepted.pictures_refused),
        overdue=accepted.overdue,
        suspended=accepted.suspended,
        heartbeat=accepted.is_heartbeat,
    )


async def _answer_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - registered for Problem alone; this tells mypy
    return error.answer()


async def _answer_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for HTTPException alone; this tells mypy
    detail = "There is nothing here like that; GET / lists what there is."
    return Problem(error.status_code, "no-such-address", detail, error.headers).answer()
