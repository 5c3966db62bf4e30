"""Sorts a batch of reads by what becomes of them: inserted, left out because they are due already, or dead letters.

Only plate and time of collection are looked at, peeked from the first bytes; all else is ClickHouse's to parse.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, peek_collected_at_ms, peek_plate
from schemas.plates import MAX_PLATE_LENGTH
from schemas.versions import Version
from sinks.clickhouse.splice import ends_well
from sinks.retention.rules import KeptSpan

_is_plate = re.compile(rb"[A-Z0-9]{1,%d}" % MAX_PLATE_LENGTH).fullmatch


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
    groups: dict[bytes, Group[M]] = {}
    refused: list[tuple[M, str]] = []
    overdue = 0
    for message in messages:
        value = message.value() or b""
        try:
            group = groups.get(value[:HEADER_BYTES]) or _open_group(groups, value, codec)
            if not _is_plate(peek_plate(value)):
                raise InvalidMessage("plate-unusable", "The plate is not of A-Z and 0-9.")
            if span.is_overdue(peek_collected_at_ms(value)):
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
