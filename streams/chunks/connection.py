"""One connection to a broker that is asked one thing after another, and reads large answers where they are needed.

aiokafka opens it: it encrypts, authenticates, and finds out what the broker speaks. From then on it is this module's:
aiokafka would copy each byte of an answer four times, with Python's lock held.
"""

import asyncio
import struct
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError
from aiokafka.protocol.api import Request

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

    async def ask(self, request: Request) -> Any:
        """The broker's answer. Raises KafkaError when the connection fails or none comes."""
        if self._answer or self._transport.is_closing():
            raise KafkaConnectionError("The connection is closed.")
        packed = request.prepare(self._opened._versions)
        header = packed.build_request_header(self._opened._next_correlation_id(), self._opened._client_id)
        message = header.encode() + packed.encode()
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._transport.write(_SIZE.pack(len(message)) + message)
        timer = loop.call_later(_ANSWER_SECONDS, self._expire)
        try:
            answer = _Bytes(await self._answer)
        except BaseException:
            self.close()  # what may still come answers nothing any more
            raise
        finally:
            timer.cancel()
        self._answer, self._filled = None, 0
        packed.parse_response_header(answer)
        return packed.RESPONSE_TYPE.decode(answer)

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
        if end > len(self._buffer):
            self._buffer = self._buffer[: self._filled] + bytearray(end - self._filled)
        elif self._filled >= end and self._answer and not self._answer.done():
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


class _Bytes:
    """What aiokafka reads an answer from, without a copy of the whole."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def read(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        return bytes(self._view[start : self._at])


async def connect(client: AIOKafkaClient, node: int) -> Connection:
    """A connection to a node of the cluster. Raises KafkaError when there is none."""
    opened = await client._get_conn(node, group=_GROUP)
    if opened is None:
        raise KafkaConnectionError(f"Node {node} cannot be reached.")
    return Connection(opened)
