"""Confluent framing (a zero byte, a four-byte big-endian schema id, the Avro body) and peeking behind it.

Peeking relies on plate and collected_at being the first two fields of a record; a test holds that for every version.
"""

from platestream.errors import InvalidMessage
from schemas.plates import MAX_PLATE_LENGTH

HEADER_BYTES = 5
ROLL_MARKER = b"platestream:roll"  # no message: retention appends it so that a quiet log rolls; every consumer skips it


def frame(wire_id: int, body: bytes) -> bytes:
    """Put the header before an Avro body."""
    return b"\x00" + wire_id.to_bytes(4, "big") + body


def wire_id_of(value: bytes | None) -> int:
    """Schema id of a framed value. Raises InvalidMessage when it is not framed."""
    if value is None or len(value) <= HEADER_BYTES or value[0] != 0:
        raise InvalidMessage("not-framed", "The value has no Confluent header before its Avro body.")
    return int.from_bytes(value[1:HEADER_BYTES], "big")


def peek_plate(value: bytes) -> bytes:
    """Plate as read, from a framed value whose first field it is. Raises InvalidMessage when it is cut or too long."""
    if len(value) <= HEADER_BYTES or value[HEADER_BYTES] & 1 or value[HEADER_BYTES] > MAX_PLATE_LENGTH * 2:
        raise InvalidMessage("plate-unusable", f"The value does not start with a plate of at most {MAX_PLATE_LENGTH}.")
    end = HEADER_BYTES + 1 + (value[HEADER_BYTES] >> 1)
    if end > len(value):
        raise InvalidMessage("cut-short", "The value ends within the plate.")
    return value[HEADER_BYTES + 1 : end]


def peek_collected_at_ms(value: bytes) -> int:
    """Milliseconds since 1970 of collected_at, the second field. Raises InvalidMessage when it is cut."""
    at = HEADER_BYTES + 1 + len(peek_plate(value))
    result = shift = 0
    for byte in value[at : at + 10]:
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (result >> 1) ^ -(result & 1)
        shift += 7
    raise InvalidMessage("cut-short", "The value ends within the time of collection.")
