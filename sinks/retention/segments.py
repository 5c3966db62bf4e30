"""Counts records in the segment files of a broker on this machine, from the heads of their batches.

A file holds batches one after another; each begins with its first offset and its length, and says how many offsets it
spans and how many records it has. Keys and values are never looked at, so compression does not matter. Files that are
about to be deleted count until they are gone.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_HEAD = struct.Struct(">qi11xi")  # first offset, length of the rest, ..., last offset less the first
_COUNT = struct.Struct(">i")
_COUNT_AT = 57
_HEAD_BYTES = 61
_BEFORE_LENGTH_ENDS = 12
_ATTEMPTS = 20


def count_records_below(folder: Path, mark: dict[tuple[str, int], int]) -> int:
    """Records of the marked partitions, below their marks, that any segment file under `folder` holds.

    A batch that reaches beyond a mark counts up to it, at most. Raises OSError when files cannot be read.
    """
    return sum(_count(folder, topic, partition, offset) for (topic, partition), offset in mark.items())


def _count(folder: Path, topic: str, partition: int, mark: int) -> int:
    """A file that is renamed on its way to deletion could be missed under both names: then all are counted again."""
    for _ in range(_ATTEMPTS):
        files = _segments(folder, topic, partition)
        with suppress(FileNotFoundError):
            count = sum(
                min(records, mark - first) for file in files for first, records in _batches(file) if first < mark
            )
            if _segments(folder, topic, partition) == files:
                return count
    raise OSError(f"the segment files of {topic}[{partition}] change too fast to be counted")


def _segments(folder: Path, topic: str, partition: int) -> set[Path]:
    """A topic that is being deleted has a folder of another name for a while."""
    names = (f"{topic}-{partition}", f"{topic}-{partition}.*-delete")
    return {file for name in names for file in folder.glob(f"{name}/*.log*")}


def _batches(file: Path) -> Iterator[tuple[int, int]]:
    """First offset and number of records of each batch. What was preallocated and never written is zeros: no batch."""
    with file.open("rb") as opened:
        at = 0
        while len(head := opened.read(_HEAD_BYTES)) == _HEAD_BYTES:
            first, length, _ = _HEAD.unpack_from(head)
            if length <= 0:
                return
            yield first, _COUNT.unpack_from(head, _COUNT_AT)[0]
            at += _BEFORE_LENGTH_ENDS + length
            opened.seek(at)
