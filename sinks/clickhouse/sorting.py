"""Sorts framed Avro by what becomes of it: inserted, left out, or dead letters.

What a message holds is ClickHouse's to parse; only what a `Judge` looks at is looked at here (peeking.py, glancing.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES, ROLL_MARKER
from schemas.versions import Version
from sinks.clickhouse.splice import ends_well
from sinks.taken import Message, Taken
from streams.chunks.records import Records, records_of_values


@dataclass(frozen=True)
class Judge:
    """`one` gives the value to keep, None when it is to be left out, and raises InvalidMessage to refuse it.

    `plain` says of many values with one header which of them `one` would keep as they are. It may miss some.
    """

    one: Callable[[bytes], bytes | None]
    plain: Callable[[Records, bytes], NDArray[np.bool_]] | None = None


@dataclass(frozen=True)
class Group:
    """Framed values that share a writer's schema, each under its message's offset."""

    version: Version
    records: Records = field(repr=False)


@dataclass
class Sorted:
    """What to insert, how many were left out, and the messages that cannot be kept with the reason."""

    groups: list[Group] = field(default_factory=list)
    left_out: int = 0
    refused: list[tuple[Message, str]] = field(default_factory=list, repr=False)


def sort_taken(taken: Taken, codec: Codec, record: str, judge: Judge) -> Sorted:
    """Those that `judge` keeps, by writer's schema; messages whose values are no `record` are refused."""
    found, is_plain = Sorted(), np.zeros(len(taken), np.bool_)
    if judge.plain and len(taken):
        is_plain = _keep_plain(taken, codec, record, judge.plain, found)
    others: dict[bytes, _Others] = {}
    for number in np.flatnonzero(~is_plain).tolist():
        _judge_one(taken[number], codec, record, judge.one, others, found)
    for group in others.values():
        _keep(group.version, records_of_values(group.values, group.offsets), taken, found)
    return found


@dataclass
class _Others:
    """Kept after a closer look, or rewritten."""

    version: Version
    offsets: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list, repr=False)


def _keep_plain(
    taken: Taken,
    codec: Codec,
    record: str,
    plain: Callable[[Records, bytes], NDArray[np.bool_]],
    found: Sorted,
) -> NDArray[np.bool_]:
    """Keeps all that are plain and have the first one's header; says which."""
    value = taken[0].value or b""
    try:
        version = _version(value, codec, record)
    except InvalidMessage:
        return np.zeros(len(taken), np.bool_)
    is_plain = plain(taken.records, value[:HEADER_BYTES])
    _keep(version, Records(taken.records.content, taken.records.places[is_plain]), taken, found)
    return is_plain


def _judge_one(  # noqa: PLR0913 - what it is judged by and where it goes
    message: Message,
    codec: Codec,
    record: str,
    judge: Callable[[bytes], bytes | None],
    others: dict[bytes, _Others],
    found: Sorted,
) -> None:
    value = message.value or b""
    try:
        header, version = value[:HEADER_BYTES], _version(value, codec, record)
        kept = judge(value)
    except InvalidMessage as error:
        if value != ROLL_MARKER:
            found.refused.append((message, error.reason))
        return
    if kept is None:
        found.left_out += 1
        return
    group = others.setdefault(header, _Others(version))
    group.offsets.append(message.offset)
    group.values.append(kept)


def _version(value: bytes, codec: Codec, record: str) -> Version:
    version = codec.version_of(value)
    if version.record != record:
        raise InvalidMessage("unknown-schema", f"A {version.record} is not what this topic is for.")
    return version


def _keep(version: Version, records: Records, taken: Taken, found: Sorted) -> None:
    """Without those at the end that do not end well: ClickHouse would not notice it there."""
    count = len(records)
    while count and not ends_well(version, records[count - 1].value or b""):
        count -= 1
    found.refused += [(taken.at(record.offset), "bad-avro") for record in records.part(count)]
    if count:
        found.groups.append(Group(version, records.part(0, count)))
