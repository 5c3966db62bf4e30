"""Sorts a batch of framed Avro by what becomes of it: inserted, left out, or dead letters.

What a message holds is ClickHouse's to parse; only what a `Judge` looks at is looked at here (peeking.py, glancing.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, ROLL_MARKER
from schemas.versions import Version
from sinks.clickhouse.splice import ends_well


class HasValue(Protocol):
    """A Kafka message, as far as sorting is concerned."""

    def value(self) -> bytes | None: ...


M = TypeVar("M", bound=HasValue)


@dataclass(frozen=True)
class Judge:
    """`one` gives the value to keep, None when it is to be left out, and raises InvalidMessage to refuse it.

    `plain` says of many values with one header which of them `one` would keep as they are. It may miss some.
    """

    one: Callable[[bytes], bytes | None]
    plain: Callable[[Sequence[bytes], bytes], NDArray[np.bool_]] | None = None


@dataclass
class Group(Generic[M]):
    """Messages with framed values that share a writer's schema."""

    version: Version
    messages: list[M] = field(default_factory=list, repr=False)
    values: list[bytes] = field(default_factory=list, repr=False)


@dataclass
class Sorted(Generic[M]):
    """What to insert, how many were left out, and the messages that cannot be kept with the reason."""

    groups: list[Group[M]]
    left_out: int
    refused: list[tuple[M, str]] = field(repr=False)


def sort_messages(messages: Sequence[M], codec: Codec, record: str, judge: Judge) -> Sorted[M]:
    """Those that `judge` keeps, by writer's schema; messages whose values are no `record` are refused."""
    groups: dict[bytes, Group[M]] = {}
    refused: list[tuple[M, str]] = []
    left_out = 0
    for message in _without_plain(messages, groups, codec, record, judge):
        value = message.value() or b""
        try:
            group = groups.get(value[:HEADER_BYTES]) or _open_group(groups, value, codec, record)
            kept = judge.one(value)
        except InvalidMessage as error:
            if value != ROLL_MARKER:
                refused.append((message, error.reason))
            continue
        if kept is None:
            left_out += 1
            continue
        group.messages.append(message)
        group.values.append(kept)
    for group in groups.values():
        refused += _refuse_bad_ends(group)
    return Sorted([group for group in groups.values() if group.values], left_out, refused)


def _without_plain(
    messages: Sequence[M], groups: dict[bytes, Group[M]], codec: Codec, record: str, judge: Judge
) -> Sequence[M]:
    """What is left when all that is plainly kept, and has the first message's header, is in its group."""
    if not judge.plain or not messages:
        return messages
    values = [message.value() or b"" for message in messages]
    try:
        group = _open_group(groups, values[0], codec, record)
    except InvalidMessage:
        return messages
    is_plain = judge.plain(values, values[0][:HEADER_BYTES])
    group.messages += compress(messages, is_plain)
    group.values += compress(values, is_plain)
    return list(compress(messages, ~is_plain))


def _open_group(groups: dict[bytes, Group[M]], value: bytes, codec: Codec, record: str) -> Group[M]:
    version = codec.version_of(value)
    if version.record != record:
        raise InvalidMessage("unknown-schema", f"A {version.record} is not what this topic is for.")
    return groups.setdefault(value[:HEADER_BYTES], Group(version))


def _refuse_bad_ends(group: Group[M]) -> list[tuple[M, str]]:
    refused = []
    while group.values and not ends_well(group.version, group.values[-1]):
        group.values.pop()
        refused.append((group.messages.pop(), "bad-avro"))
    return refused
