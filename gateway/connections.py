"""Connections of the gateway: nobody holds one of the few by asking nothing, or by asking a byte at a time.

uvicorn bounds how long a connection rests between two requests, not how long the head of a request takes.
"""

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
TAKEN_SECONDS = 60


def bound_sending(listening: socket.socket) -> None:
    """End connections, also those under way, whose client takes nothing of its answer for TAKEN_SECONDS.

    Where the system has no such limit (it is Linux's) this does nothing.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKEN_SECONDS * 1000)


class BoundedConnection(H11Protocol):
    """Ends itself when no request was asked for HEAD_SECONDS, whatever bytes came meanwhile."""

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._bound()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._bound()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._bound()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unbind()

    def _bound(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._unbind()
        elif self._ending is None:
            self._ending = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _unbind(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
