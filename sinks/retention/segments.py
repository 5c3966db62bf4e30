"""Counts records in the segment files of a broker on this machine, from the heads of their batches.

A file holds batches one after another; each begins with its first offset and its length, and says how many records it
has and the latest time of one: of its append or of its making, as the topic has it. Keys and values are never looked
at, so compression does not matter. Files that are about to be deleted count until they are gone.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct(">qi23xq")  # first offset, length of the rest, ..., latest time
_COUNT = struct.Struct(">i")
_COUNT_AT = 57
_HEAD_BYTES = 61
_BEFORE_LENGTH_ENDS = 12
_ATTEMPTS = 20


class _Batch(NamedTuple):
    first_offset: int
    records: int
    latest_ms: int


def count_records_below(folder: Path, mark: dict[tuple[str, int], int]) -> int:
    """Records of the marked partitions, below their marks, that any segment file under `folder` holds.

    A batch that reaches beyond a mark counts up to it, at most. Raises OSError when files cannot be read.
    """
    return sum(_count(folder, topic, partition, partial(_below, offset)) for (topic, partition), offset in mark.items())


def count_records_before(folder: Path, partitions: Iterable[tuple[str, int]], at_ms: int) -> int:
    """Records of batches whose latest time is before `at_ms` (since 1970). Raises OSError when files cannot be read."""
    return sum(
        _count(folder, topic, partition, lambda batch: batch.records if batch.latest_ms < at_ms else 0)
        for topic, partition in partitions
    )


def _below(offset: int, batch: _Batch) -> int:
    return max(0, min(batch.records, offset - batch.first_offset))


def _count(folder: Path, topic: str, partition: int, counted: Callable[[_Batch], int]) -> int:
    """A file that is renamed on its way to deletion could be missed under both names: then all are counted again."""
    for _ in range(_ATTEMPTS):
        files = _segments(folder, topic, partition)
        with suppress(FileNotFoundError):
            count = sum(counted(batch) for file in files for batch in _batches(file))
            if _segments(folder, topic, partition) == files:
                return count
    raise OSError(f"the segment files of {topic}[{partition}] change too fast to be counted")


def _segments(folder: Path, topic: str, partition: int) -> set[Path]:
    """A topic that is being deleted has a folder of another name for a while."""
    names = (f"{topic}-{partition}", f"{topic}-{partition}.*-delete")
    return {file for name in names for file in folder.glob(f"{name}/*.log*")}


def _batches(file: Path) -> Iterator[_Batch]:
    """The batches of a file. What was preallocated and never written is zeros: no batch."""
    with file.open("rb") as opened:
        at = 0
        while len(head := opened.read(_HEAD_BYTES)) == _HEAD_BYTES:
            first, length, latest_ms = _HEAD.unpack_from(head)
            if length <= 0:
                return
            yield _Batch(first, _COUNT.unpack_from(head, _COUNT_AT)[0], latest_ms)
            at += _BEFORE_LENGTH_ENDS + length
            opened.seek(at)
