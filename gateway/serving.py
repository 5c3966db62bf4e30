"""Serves the gateway inside the storage process, beside the engine, in the thread that calls."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from gateway.connections import BoundedConnection, bound_sending
from platestream.errors import ConfigError, IntegrityError
from platestream.settings import GatewaySettings

_GRACE_SECONDS = 5
_MOST_HEADER_BYTES = 16 * 1024


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises ConfigError when the port is taken."""
    try:
        listening = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise ConfigError(
            f"The gateway cannot listen on {host}:{port} ({error.strerror}); set another gateway.port."
        ) from None
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does not for a socket handed to it: 40 ms
    bound_sending(listening)
    return listening


def serve_gateway(
    app: FastAPI,
    listening: socket.socket,
    stop: threading.Event,
    *,
    each_turn: Callable[[], None],
    gateway: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
) -> None:
    """Answer until `stop` is set, then let searches under way end. Signals stay with the caller, who sets `stop`.

    `each_turn` is called about ten times a second and must return at once: `ledger.check_sound` and the probe's beat
    belong there. An IntegrityError that it raises ends the serving and is raised again. Raises ConfigError when the
    certificate of TLS cannot be used.
    """
    _check_certificate(gateway)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        http=BoundedConnection,
        ws="none",
        proxy_headers=False,  # whoever connects says nothing of where it is
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        limit_concurrency=gateway.requests_at_once,
        ssl_certfile=gateway.tls_certificate_file,
        ssl_keyfile=gateway.tls_key_file,
    )
    server = _Server(config, stop, each_turn)
    server.run(sockets=[listening])
    if server.fault is not None:
        raise server.fault


def _check_certificate(gateway: GatewaySettings) -> None:
    if gateway.tls_certificate_file is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            gateway.tls_certificate_file, gateway.tls_key_file
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"gateway.tls_certificate_file and tls_key_file cannot be used ({type(error).__name__}); name both in PEM."
        ) from None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: threading.Event, each_turn: Callable[[], None]) -> None:
        super().__init__(config)
        self.fault: IntegrityError | None = None
        self._stop = stop
        self._each_turn = each_turn

    async def on_tick(self, counter: int) -> bool:
        try:
            self._each_turn()
        except IntegrityError as fault:
            self.fault = fault
        self.should_exit = self.should_exit or self.fault is not None or self._stop.is_set()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's."""
        yield
