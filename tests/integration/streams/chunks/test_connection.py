"""Answers of any size, plain and encrypted, from a server that only knows the frames of Kafka."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError

from streams.chunks import connection as module
from streams.chunks.connection import _FIRST_BYTES, Connection
from tests.certificates import write_certificate

_VERSIONS = struct.pack(">hi", 0, 1) + struct.pack(">hhh", 1, 4, 17)
_ASKS_VERSIONS = 18
SECONDS = 20
Security = tuple[str, ssl.SSLContext | None, ssl.SSLContext | None]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A number is answered by as many bytes, 0 by none at all, -1 by the end of the connection."""
    while (number := await _asked(reader, writer)) >= 0:
        if number:
            _send(writer, b"x" * number)
    writer.close()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    [size] = struct.unpack(">i", await reader.readexactly(4))
    body = await reader.readexactly(size)
    if size > 4 and struct.unpack(">h", body[:2])[0] == _ASKS_VERSIONS:
        _send(writer, body[4:8] + _VERSIONS)
        return 0
    return int(struct.unpack(">i", body)[0])


def _send(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(struct.pack(">i", len(answer)) + answer)


def ask(number: int) -> bytes:
    return struct.pack(">i", number)


@pytest.fixture(params=["PLAINTEXT", "SSL"])
def security(request: pytest.FixtureRequest, tmp_path: Path) -> Security:
    """Protocol, the server's context and the client's."""
    if request.param == "PLAINTEXT":
        return request.param, None, None
    certificate, key = write_certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    return request.param, serving, ssl.create_default_context(cafile=str(certificate))


@asynccontextmanager
async def connected(
    security: Security,
) -> AsyncIterator[tuple[Connection, AIOKafkaConnection]]:
    protocol, serving, asking = security
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=serving)
    opened = AIOKafkaConnection(
        *server.sockets[0].getsockname(), ssl_context=asking, security_protocol=protocol, max_idle_ms=200
    )
    await opened.connect()
    connection = Connection(opened)
    try:
        yield connection, opened
    finally:
        connection.close()
        async with asyncio.timeout(SECONDS):
            await opened.close()  # as aiokafka's client waits for it
        server.close()


async def test_answers_of_any_size_come_whole(
    security: Security,
) -> None:
    sizes = [1, _FIRST_BYTES - 5, _FIRST_BYTES - 4, _FIRST_BYTES - 3, 5_000_000, 5_000_000, 7, 5_000_001, 20_000_000]
    async with connected(security) as (connection, _):
        for size in sizes:
            assert await connection.ask(ask(size)) == b"x" * size
        await asyncio.sleep(0.5)  # longer than aiokafka leaves a connection idle
        assert await connection.ask(ask(3)) == b"xxx"


async def test_a_connection_that_ends_says_so_and_stays_closed(
    security: Security,
) -> None:
    async with connected(security) as (connection, opened):
        with pytest.raises(KafkaConnectionError, match="The broker closed"):
            await connection.ask(ask(-1))
        with pytest.raises(KafkaConnectionError, match="is closed"):
            await connection.ask(ask(1))
        assert not opened.connected()


async def test_who_does_not_answer_is_left(security: Security, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.2)
    async with connected(security) as (connection, opened):
        with pytest.raises(RequestTimedOutError):
            await connection.ask(ask(0))
        assert not opened.connected()
