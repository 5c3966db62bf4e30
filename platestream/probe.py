"""Each process's /metrics and /livez on a port of its own, answered by a thread.

Alive means "the loop turned": the process's main loop calls `beat`, and /livez is 503 once the last beat is too old.
A stuck loop therefore shows, though this thread goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from platestream.errors import ConfigError

_Start = Callable[[str, list[tuple[str, str]]], Any]
_Application = Callable[[dict[str, Any], _Start], Iterable[bytes]]


class Probe:
    """Serves http://127.0.0.1:`port`/metrics and /livez until `close`. Raises ConfigError when the port is taken."""

    def __init__(self, port: int, *, stale_after_seconds: float = 15, host: str = "127.0.0.1") -> None:
        self._stale_after_seconds = stale_after_seconds
        self._metrics: _Application = make_wsgi_app()
        self._last_beat = time.monotonic()
        try:
            self._server: WSGIServer = make_server(host, port, self._answer, handler_class=_Silent)
        except OSError as error:
            raise ConfigError(
                f"Port {port} for /metrics cannot be used ({error.strerror}); set another probe_port."
            ) from None
        threading.Thread(target=self._server.serve_forever, name="probe", daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def beat(self) -> None:
        """The process's main loop has come round."""
        self._last_beat = time.monotonic()

    def is_alive(self) -> bool:
        return time.monotonic() - self._last_beat < self._stale_after_seconds

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/livez":
            alive = self.is_alive()
            start("200 OK" if alive else "503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"the loop turns\n" if alive else b"the loop stands still\n"]
        if environ["PATH_INFO"] == "/metrics":
            return self._metrics(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"here are /metrics and /livez\n"]


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Scrapes are not worth a line each."""
