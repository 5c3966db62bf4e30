"""Reads the ledger from the broker's own files, strictly: no byte of a file may be other than the broker wrote it.

A consumer cannot do this: some bytes of a batch's frame are outside its checksum, and a broker says of damage only that
it cannot read on. Copy the partition's folder, or stop the broker, before reading.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import google_crc32c
from aiokafka.record.default_records import DefaultRecordBatch

from platestream.errors import ConfigError
from streams.ledger.proof import Event, Fault

_FRAME = struct.Struct(">qiibI")  # base offset, length, leader epoch, version, checksum
_LENGTH_AT = 12  # a batch's length counts from here on
_CHECKED_FROM = 21
_HEADER_BYTES = 61


def read_segments(folder: Path) -> Iterator[Event | Fault]:
    """Every event of a partition's folder in order, and every fault at its place.

    Raises ConfigError when the folder holds no segments.
    """
    files = sorted(folder.glob("*.log"))
    if not files:
        raise ConfigError(f"{folder} holds no segments (*.log); name the ledger's partition folder, such as ledger-0.")
    epochs, expected = _leader_epochs(folder), 0
    for file in files:
        for found in _Segment(file, epochs, expected).read():
            expected = found.offset + 1 if isinstance(found, Event) else expected
            yield found


class _Segment:
    def __init__(self, file: Path, epochs: Sequence[tuple[int, int]], expected: int) -> None:
        self._name, self._data, self._epochs, self._expected = file.name, file.read_bytes(), epochs, expected

    def read(self) -> Iterator[Event | Fault]:
        at, is_placed = 0, True
        if self._data and self._name != f"{self._expected:020}.log":
            yield Fault("changed", self._expected, f"{self._name} should begin with event {self._expected}")
        while at < len(self._data):
            length = self._sound_length(at)
            if length is None:
                yield Fault("changed", self._expected, f"{self._name} at byte {at}: event {self._expected} is damaged")
                at, is_placed = self._next_sound(at), False
                continue
            base, _, epoch, _, _ = _FRAME.unpack_from(self._data, at)
            if not is_placed and base > self._expected:  # damage tells nothing of how many events it covers
                self._expected = base
            if base != self._expected or epoch != self._epoch_at(self._expected):
                yield Fault("changed", self._expected, f"{self._name} at byte {at}: the frame of a batch is damaged")
            yield from self._events(at, length)
            at, is_placed = at + length, True

    def _events(self, at: int, length: int) -> Iterator[Event | Fault]:
        batch = struct.pack(">q", self._expected) + self._data[at + 8 : at + length]
        for record in DefaultRecordBatch(batch):
            self._expected = record.offset + 1
            if record.headers or record.value is None:
                sentence = f"{self._name}: record {record.offset} is not as ledger events are written"
                yield Fault("unreadable", record.offset, sentence)
            yield Event(record.offset, record.key, record.value or b"")

    def _sound_length(self, at: int) -> int | None:
        """Bytes of the batch at a place; None when no batch stands there that agrees with its checksum."""
        if at + _HEADER_BYTES > len(self._data):
            return None
        _, length, _, version, checksum = _FRAME.unpack_from(self._data, at)
        end: int = at + _LENGTH_AT + length
        if version != 2 or not at + _HEADER_BYTES <= end <= len(self._data):
            return None
        if google_crc32c.value(self._data[at + _CHECKED_FROM : end]) != checksum:
            return None
        return end - at

    def _next_sound(self, at: int) -> int:
        """Where the next sound batch begins behind a damaged one; the end of the file when none does."""
        behind = range(at + 1, len(self._data) - _HEADER_BYTES + 1)
        return next((place for place in behind if self._sound_length(place) is not None), len(self._data))

    def _epoch_at(self, offset: int) -> int:
        return next((epoch for epoch, since in reversed(self._epochs) if since <= offset), 0)


def _leader_epochs(folder: Path) -> list[tuple[int, int]]:
    """Epoch and first offset, as the broker notes them beside the segments: version, count, one line each."""
    try:
        lines = (folder / "leader-epoch-checkpoint").read_text().splitlines()[2:]
        return [(int(epoch), int(since)) for epoch, since in (line.split() for line in lines)]
    except (OSError, ValueError):
        raise ConfigError(f"{folder / 'leader-epoch-checkpoint'} cannot be read; copy the whole folder.") from None
