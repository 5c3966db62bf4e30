"""Plates in bytes, for compiled code: where one stands in a value, how it folds, its hash."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from schemas.framing import HEADER_BYTES
from schemas.plates import FOLDING, MAX_PLATE_LENGTH
from streams.chunks.compiled import Bytes, as_array, compiled
from streams.chunks.records import VALUE, VALUE_END, Records

Numbers = NDArray[np.int64]

NO_CHARACTER, _LINE_END, _SPACE = 256, 10, 32
FOLDED = np.array(
    [NO_CHARACTER if byte in FOLDING[1] else FOLDING[0][byte] for byte in range(256)], np.int64
)  # what schemas.plates.fold_bytes makes of each byte


def folded_lines(records: Records, wire_ids: Collection[int]) -> tuple[bytes, Numbers]:
    """The folded plates of records, a line each, and where each line ends; the line of what has no plate is empty."""
    lines = np.empty(len(records) * (MAX_PLATE_LENGTH + 1), np.uint8)
    ends = np.empty(len(records), np.int64)
    size = _write_lines(as_array(records.content), records.places, ids_of(wire_ids), lines, ends)
    return lines[:size].tobytes(), ends


def ids_of(wire_ids: Collection[int]) -> Numbers:
    """Schema ids for compiled code."""
    return np.array(sorted(wire_ids), np.int64)


@compiled
def _write_lines(content: Bytes, places: Numbers, wire_ids: Numbers, lines: Bytes, ends: Numbers) -> int:
    size = 0
    for number in range(len(places)):
        plate, end = plate_place(content, places[number, VALUE], places[number, VALUE_END], wire_ids)
        for at in range(plate, end):
            byte = FOLDED[content[at]]
            if byte != NO_CHARACTER:
                lines[size] = byte if byte != _LINE_END else _SPACE
                size += 1
        lines[size] = _LINE_END
        size += 1
        ends[number] = size
    return size


@compiled
def plate_place(content: Bytes, start: int, end: int, wire_ids: Numbers) -> tuple[int, int]:
    """Where the plate is in a value that begins as one of these ids does; (0, 0) where there is none."""
    at = start + HEADER_BYTES + 1
    if at > end or content[start] != 0:
        return 0, 0
    wire_id, length = np.int64(0), np.int64(content[at - 1])
    for byte in range(start + 1, start + HEADER_BYTES):
        wire_id = wire_id << 8 | np.int64(content[byte])
    if length & 1 or length > 2 * MAX_PLATE_LENGTH or at + (length >> 1) > end:
        return 0, 0
    for known in wire_ids:
        if known == wire_id:
            for byte in range(at, at + (length >> 1)):
                if FOLDED[content[byte]] != NO_CHARACTER:
                    return at, at + int(length >> 1)
    return 0, 0


@compiled
def hash_of(content: Bytes, start: int, end: int) -> np.uint64:
    """Of the folded plate there, 32 bits and never 0: FNV-1a, then mixed."""
    value = np.uint64(14695981039346656037)
    for at in range(start, end):
        byte = FOLDED[content[at]]
        if byte != NO_CHARACTER:
            value = (value ^ np.uint64(byte)) * np.uint64(1099511628211)
    value = (value ^ value >> np.uint64(32)) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
    return max(value, np.uint64(1))


@compiled
def is_same_plate(one: Bytes, place: tuple[int, int], other: Bytes, other_place: tuple[int, int]) -> bool:
    """Whether two plates fold to the same."""
    at, end = place
    for byte in range(other_place[0], other_place[1]):
        folded = FOLDED[other[byte]]
        if folded != NO_CHARACTER:
            while at < end and FOLDED[one[at]] == NO_CHARACTER:
                at += 1
            if at == end or FOLDED[one[at]] != folded:
                return False
            at += 1
    while at < end and FOLDED[one[at]] == NO_CHARACTER:
        at += 1
    return at == end
