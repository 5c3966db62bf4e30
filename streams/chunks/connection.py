"""One connection to a broker that is asked one thing after another, and reads large answers where they are needed.

aiokafka opens it: it encrypts, authenticates, and finds out what the broker speaks. From then on it is this module's:
aiokafka would copy each byte of an answer four times, with Python's lock held.
"""

import asyncio
import struct
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError, UnsupportedVersionError

from streams.chunks.wire import FETCH, VERSION

_GROUP = 2  # of connections, beside aiokafka's own two
_FIRST_BYTES = 256 * 1024
_ANSWER_SECONDS = 30.0
_SIZE = struct.Struct(">i")


class Connection(asyncio.BufferedProtocol):
    """Made by `connect`."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._buffer = bytearray(_FIRST_BYTES)
        self._filled = 0
        self._answer: asyncio.Future[memoryview] | None = None
        self._transport = opened._writer.transport
        if opened._idle_handle:
            opened._idle_handle.cancel()  # it is asked all the time, and aiokafka does not see it
        self._transport.set_protocol(self)

    async def ask(self, request: bytes) -> memoryview:
        """The broker's answer, good until the next is asked for. Raises KafkaError when the connection fails."""
        if self._transport.is_closing():
            raise KafkaConnectionError("The connection is closed.")
        loop = asyncio.get_running_loop()
        self._filled, self._answer = 0, loop.create_future()
        self._transport.write(_SIZE.pack(len(request)) + request)
        timer = loop.call_later(_ANSWER_SECONDS, self._expire)
        try:
            return await self._answer
        except BaseException:
            self.close()  # what may still come answers nothing any more
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Safe to call twice."""
        self._opened.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if self._filled < _SIZE.size:
            return
        end = _SIZE.size + _SIZE.unpack_from(self._buffer)[0]
        if end >= len(self._buffer):  # room must be left: with TLS a full buffer counts as the end of the connection
            self._buffer = self._buffer[: self._filled] + bytearray(end + 1 - self._filled)
        if self._filled == end and self._answer and not self._answer.done():
            self._answer.set_result(memoryview(self._buffer)[_SIZE.size : end])

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(KafkaConnectionError(f"The broker closed the connection ({type(exc).__name__})."))
        self._opened.close()
        self._opened._protocol.connection_lost(exc)  # aiokafka's client waits for it when it ends

    def _expire(self) -> None:
        self._fail(RequestTimedOutError())

    def _fail(self, error: Exception) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)


async def connect(client: AIOKafkaClient, node: int) -> Connection:
    """A connection to a node of the cluster. Raises KafkaError when there is none, or the broker is too old."""
    opened = await client._get_conn(node, group=_GROUP)
    if opened is None:
        raise KafkaConnectionError(f"Node {node} cannot be reached.")
    oldest, newest = opened._versions[FETCH]
    if not oldest <= VERSION <= newest:
        raise UnsupportedVersionError(f"Node {node} does not speak version {VERSION} of fetches.")
    return Connection(opened)
