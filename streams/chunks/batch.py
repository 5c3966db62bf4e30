"""A record batch of Kafka's log, as it was fetched: its header is read, its records are still packed."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")  # Kafka's record batch, version 2
_LENGTH_FROM = 12  # offset and length itself are not counted in a batch's length
_CHECKED_FROM = 21  # so far the checksum leaves the header out
_VERSION = 2
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_DECODE = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}


class FetchedRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka makes of the bytes of a fetch, and those bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


class Batch(NamedTuple):
    """`packed` are its records, compressed as the header says; offsets and times of records are relative to the bases.

    `append_time` is the time of all its records in ms since 1970, or -1 when each has its own. `checked` is what the
    checksum was made of.
    """

    base_offset: int
    next_offset: int
    base_time: int
    append_time: int
    producer_id: int
    records: int
    attributes: int
    checksum: int
    checked: memoryview

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & _CONTROL)

    def is_sound(self) -> bool:
        """Whether the checksum is right."""
        return bool(calc_crc32c(self.checked) == self.checksum)

    def unpack(self) -> bytes:
        """Its records, uncompressed. Raises CorruptRecordException when they cannot be."""
        packed = self.checked[_HEADER.size - _CHECKED_FROM :]
        kind = self.attributes & _CODEC
        try:
            return _DECODE[kind](packed) if kind else bytes(packed)
        except Exception as error:
            raise CorruptRecordException(f"The batch at offset {self.base_offset} cannot be unpacked.") from error


def batches_in(raw: bytes) -> Iterator[Batch]:
    """The batches of a fetch, in order, without the one that it cuts.

    Raises CorruptRecordException for one of another version than brokers have written since Kafka 0.11.
    """
    view, at = memoryview(raw), 0
    while at + _HEADER.size <= len(raw):
        base, length, _, version, checksum, attributes, last, first_time, last_time, producer, _, _, count = (
            _HEADER.unpack_from(raw, at)
        )
        end = at + _LENGTH_FROM + length
        if end > len(raw):
            return
        if version != _VERSION or length < _HEADER.size - _LENGTH_FROM or count < 0:
            raise CorruptRecordException(f"The batch at offset {base} is of format {version}, not {_VERSION}.")
        yield Batch(
            base_offset=base,
            next_offset=base + last + 1,
            base_time=first_time,
            append_time=last_time if attributes & _APPEND_TIME else -1,
            producer_id=producer,
            records=count,
            attributes=attributes,
            checksum=checksum,
            checked=view[at + _CHECKED_FROM : end],
        )
        at = end
