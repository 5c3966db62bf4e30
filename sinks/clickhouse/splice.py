"""From framed Kafka values to Avro containers that ClickHouse reads, without touching a field.

A container is a header with the writer's schema and blocks: the bodies as they are, joined. So there is one container
per writer schema, and what a read holds is parsed once, by ClickHouse.

A body that is too short or too long shifts all behind it. ClickHouse notices, for a read id stands early in every
body, except at the end of a block: there `ends_well` looks. When ClickHouse refuses a container, `write_anew` tells
the sound bodies from the corrupt ones.
"""

import io
from collections.abc import Iterable
from typing import Any

import fastavro
import numpy as np
from numpy.typing import NDArray

from platestream.errors import InvalidMessage
from schemas.framing import HEADER_BYTES
from schemas.versions import Version
from streams.chunks.compiled import Bytes, as_array, compiled
from streams.chunks.records import VALUE, VALUE_END, Records

_SYNC = bytes(16)  # separates blocks

Block = tuple[int, bytes]
"""How many bodies, and the bodies joined."""


def splice(records: Records) -> Block:
    """The block of records that have framed values."""
    places = records.places
    size = int((places[:, VALUE_END] - places[:, VALUE] - HEADER_BYTES).sum())
    bodies = np.empty(size, np.uint8)
    _join_bodies(bodies, as_array(records.content), places)
    return len(records), bodies.tobytes()


@compiled
def _join_bodies(bodies: Bytes, content: Bytes, places: NDArray[np.int64]) -> None:
    """Indices have no sign: compiled code looks at each for being negative otherwise, and takes seven times as long."""
    at = np.uint64(0)
    for number in range(len(places)):
        start, end = np.uint64(places[number, VALUE] + HEADER_BYTES), np.uint64(places[number, VALUE_END])
        for byte in range(end - start):
            bodies[at + byte] = content[start + byte]
        at += end - start


def container(version: Version, blocks: Iterable[Block]) -> list[bytes]:
    """An Avro object container file, in pieces, of values that were all written with `version`."""
    schema = version.text.encode()
    header = [b"Obj\x01", _long(2), _bytes(b"avro.schema"), _bytes(schema), _bytes(b"avro.codec"), _bytes(b"null")]
    pieces = [b"".join([*header, _long(0), _SYNC])]
    for count, block in blocks:
        pieces += [_long(count) + _long(len(block)), block, _SYNC]
    return pieces


def columns(version: Version) -> list[str]:
    """Fields of a version, in order."""
    return [field["name"] for field in version.parsed["fields"]]


def ends_well(version: Version, value: bytes) -> bool:
    """Whether a framed value is one record of `version` and nothing more."""
    try:
        _decode(version, value)
    except InvalidMessage:
        return False
    return True


def write_anew(version: Version, value: bytes) -> bytes:
    """The same framed value as a correct writer gives it. Raises InvalidMessage when it cannot be decoded."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, version.parsed, _decode(version, value))
    return value[:HEADER_BYTES] + body.getvalue()


def blank(version: Version, value: bytes) -> bytes:
    """The same framed read with nothing left in it but reader, times and id. Raises InvalidMessage when it is corrupt.

    Keeps: retention.suppressed
    """
    read = _decode(version, value)
    nothing = {"plate": "", "state": None, "latitude": 0.0, "longitude": 0.0, "confidence": None}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, version.parsed, {**read, **nothing, "candidates": [], "pictures": []})
    return value[:HEADER_BYTES] + body.getvalue()


def _decode(version: Version, value: bytes) -> Any:
    body = io.BytesIO(value[HEADER_BYTES:])
    try:
        datum = fastavro.schemaless_reader(body, version.parsed)
    except Exception:  # fastavro raises whatever the bytes lead it into
        raise InvalidMessage("bad-avro", f"{version.record}: the Avro body is corrupt.") from None
    if body.tell() != len(value) - HEADER_BYTES:
        raise InvalidMessage("bad-avro", f"{version.record}: bytes are left over after the Avro body.")
    return datum


def _bytes(content: bytes) -> bytes:
    return _long(len(content)) + content


def _long(number: int) -> bytes:
    """Avro's long for a count: zigzag, seven bits a byte, lowest first."""
    rest = number << 1
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])
