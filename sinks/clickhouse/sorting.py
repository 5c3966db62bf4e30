"""Sorts a batch of reads by what becomes of them: inserted, left out because they are due already, or dead letters.

Only plate and time of collection are looked at, peeked from the first bytes; all else is ClickHouse's to parse.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, peek_collected_at_ms
from schemas.plates import MAX_PLATE_LENGTH
from schemas.versions import Version
from sinks.clickhouse.splice import ends_well
from sinks.retention.rules import KeptSpan

_is_plate = re.compile(rb"[A-Z0-9]{1,%d}" % MAX_PLATE_LENGTH).fullmatch
_CONTINUED = 0x8080_8080_8080  # the bit of each byte that says whether another follows
_SIX_BYTES = 0x0080_8080_8080  # five do, the sixth does not
_SIX_FROM_MS = 1 << 34
_SIX_UNTIL_MS = 1 << 41


class HasValue(Protocol):
    """A Kafka message, as far as sorting is concerned."""

    def value(self) -> bytes | None: ...


M = TypeVar("M", bound=HasValue)


@dataclass
class Group(Generic[M]):
    """Messages with framed reads that share a writer's schema."""

    version: Version
    messages: list[M] = field(default_factory=list, repr=False)
    values: list[bytes] = field(default_factory=list, repr=False)


@dataclass
class SortedReads(Generic[M]):
    """What to insert, how many reads were due already, and the messages that cannot be kept with the reason."""

    groups: list[Group[M]]
    overdue: int
    refused: list[tuple[M, str]] = field(repr=False)


def sort_reads(messages: Iterable[M], codec: Codec, span: KeptSpan) -> SortedReads[M]:
    """Reads that are due for destruction already never reach a table.

    Keeps: retention.sixty-days
    """
    peek = _Peek(span)
    groups: dict[bytes, Group[M]] = {}
    refused: list[tuple[M, str]] = []
    overdue = 0
    for message in messages:
        value = message.value() or b""
        try:
            group = groups.get(value[:HEADER_BYTES]) or _open_group(groups, value, codec)
            if peek.is_overdue(value):
                overdue += 1
                continue
        except InvalidMessage as error:
            refused.append((message, error.reason))
            continue
        group.messages.append(message)
        group.values.append(value)
    for group in groups.values():
        refused += _refuse_bad_ends(group)
    return SortedReads([group for group in groups.values() if group.values], overdue, refused)


class _Peek:
    """Looks at plate and time of collection; half of the time of sorting is spent here.

    A time from August 1970 until September 2039 takes six bytes as a long of Avro, and those, read as a little-endian
    number, are in the order of the times. So a time within the span is known without decoding it.
    """

    def __init__(self, span: KeptSpan) -> None:
        self._span = span
        in_reach = span.first_ms >= _SIX_FROM_MS and span.last_ms < _SIX_UNTIL_MS
        self._first = _in_six_bytes(span.first_ms) if in_reach else 1
        self._last = _in_six_bytes(span.last_ms) if in_reach else 0

    def is_overdue(self, value: bytes) -> bool:
        """Raises InvalidMessage when plate or time cannot be those of a read."""
        if len(value) <= HEADER_BYTES:
            raise InvalidMessage("not-framed", "The value has nothing behind its header.")
        length = value[HEADER_BYTES]
        end = HEADER_BYTES + 1 + (length >> 1)
        if length & 0x81 or not _is_plate(value, HEADER_BYTES + 1, end):
            raise InvalidMessage("plate-unusable", "The plate is not of 1 to 20 characters of A-Z and 0-9.")
        at = int.from_bytes(value[end : end + 6], "little")
        if at & _CONTINUED == _SIX_BYTES and self._first <= at <= self._last:
            return False
        return self._span.is_overdue(peek_collected_at_ms(value))


def _in_six_bytes(at_ms: int) -> int:
    """The number that the six bytes of a time make."""
    groups_of_seven = (at_ms << 1 >> 7 * place & 0x7F for place in range(6))
    return _SIX_BYTES | sum(bits << 8 * place for place, bits in enumerate(groups_of_seven))


def _open_group(groups: dict[bytes, Group[M]], value: bytes, codec: Codec) -> Group[M]:
    version = codec.version_of(value)
    if version.record != "PlateRead":
        raise InvalidMessage("unknown-schema", f"A {version.record} is not a read.")
    return groups.setdefault(value[:HEADER_BYTES], Group(version))


def _refuse_bad_ends(group: Group[M]) -> list[tuple[M, str]]:
    refused = []
    while group.values and not ends_well(group.version, group.values[-1]):
        group.values.pop()
        refused.append((group.messages.pop(), "bad-avro"))
    return refused
