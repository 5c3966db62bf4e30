"""Step 4, matched: tells at sight which reads are worth a look. It may let one through too many, never one too few.

A sieve is a Bloom filter of folded plates: each sets three bits of one 64-bit word, so that to look a plate up costs
one access to memory, where a dictionary of millions takes several. What passes is looked up in that dictionary.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from schemas.framing import HEADER_BYTES, PLATE_PLACE_BYTES, plate_places
from schemas.plates import FOLDING, MAX_PLATE_LENGTH
from streams.workers.compiled import Bytes, as_array, compiled
from streams.workers.records import VALUE, VALUE_END, Records

_Words = NDArray[np.uint64]
_Numbers = NDArray[np.int64]

_FEWEST_WORDS = 4096
_GROWTH = 4
_FULL = 1 / 6  # of the bits: 1 in 150 plates that are not listed passes
_ROOM = 3  # plates for which a sieve made anew has a word
_AT_ONCE = 65_536
_NOWHERE = slice(0, 0)
NO_CHARACTER, _LINE_END, _SPACE = 256, 10, 32
FOLDED = np.array(
    [NO_CHARACTER if byte in FOLDING[1] else FOLDING[0][byte] for byte in range(256)], np.int64
)  # what schemas.plates.fold_bytes makes of each byte


class Sieve:
    """Lets reads through whose folded plate is among `held`, a collection that it is told of by `add`.

    What leaves `held` still passes until the sieve is full and made anew.
    """

    def __init__(self, held: Collection[bytes], wire_ids: Collection[int]) -> None:
        self._held = held
        self._wire_ids, self._places = np.array(sorted(wire_ids), np.int64), plate_places(wire_ids)
        self._words = np.zeros(_FEWEST_WORDS, np.uint64)
        self._bits = 0
        self.add(held)

    def add(self, plates: Iterable[bytes]) -> None:
        """Folded plates that are in `held` by now."""
        source = iter(plates)
        while some := list(islice(source, _AT_ONCE)):
            ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
            self._bits += _add(as_array(b"".join(some)), ends, self._words)
        if self._bits > _FULL * 64 * len(self._words):
            self._make_anew()

    def passed(self, records: Records) -> Iterator[tuple[int, bytes]]:
        """Numbers of the records that may be of a held plate, with the folded plate.

        It is empty where a read has none, and where a value does not begin as a read does: those pass always.
        """
        numbers = np.empty(len(records) + 1, np.int64)
        count = _pass(as_array(records.content), records.places, self._wire_ids, self._words, numbers)
        places, (fold, separators) = self._places, FOLDING
        for number in numbers[:count].tolist():
            value = records[number].value or b""
            place = places.get(value[:PLATE_PLACE_BYTES], _NOWHERE)
            yield number, value[place].translate(fold, separators) if place.stop <= len(value) else b""

    def _make_anew(self) -> None:
        size = len(self._words)
        while size * _ROOM < len(self._held):
            size *= _GROWTH
        self._words, self._bits = np.zeros(size, np.uint64), 0
        self.add(self._held)


def folded_lines(records: Records, wire_ids: Collection[int]) -> tuple[bytes, _Numbers]:
    """The folded plates of records, a line each, and where each line ends; the line of what has no plate is empty."""
    lines = np.empty(len(records) * (MAX_PLATE_LENGTH + 1), np.uint8)
    ends = np.empty(len(records), np.int64)
    size = _write_lines(as_array(records.content), records.places, np.array(sorted(wire_ids), np.int64), lines, ends)
    return lines[:size].tobytes(), ends


@compiled
def _write_lines(content: Bytes, places: _Numbers, wire_ids: _Numbers, lines: Bytes, ends: _Numbers) -> int:
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
def _add(plates: Bytes, ends: _Numbers, words: _Words) -> int:
    """Bits that were not set before."""
    bits, start = 0, 0
    for end in ends:
        word, mask = _place(_hash(plates, start, end), len(words))
        added = mask & ~words[word]
        words[word] |= mask
        while added:
            added &= added - np.uint64(1)
            bits += 1
        start = end
    return bits


@compiled
def _pass(content: Bytes, places: _Numbers, wire_ids: _Numbers, words: _Words, numbers: _Numbers) -> int:
    """Fills `numbers`; how many. All words are known before the first is looked at: so their accesses overlap."""
    wanted = np.empty(len(places), np.uint64)
    masks = np.zeros(len(places), np.uint64)
    for number in range(len(places)):
        plate, end = plate_place(content, places[number, VALUE], places[number, VALUE_END], wire_ids)
        wanted[number] = 0
        if plate < end:
            wanted[number], masks[number] = _place(_hash(content, plate, end), len(words))
    count = 0
    for number in range(len(places)):
        numbers[count] = number
        count += words[wanted[number]] & masks[number] == masks[number]
    return count


@compiled
def plate_place(content: Bytes, start: int, end: int, wire_ids: _Numbers) -> tuple[int, int]:
    """Where the plate is in a value that begins as a read does; else, and where it is empty, (0, 0)."""
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
def _hash(content: Bytes, start: int, end: int) -> np.uint64:
    """Of the folded plate there: FNV-1a, then mixed."""
    value = np.uint64(14695981039346656037)
    for at in range(start, end):
        byte = FOLDED[content[at]]
        if byte != NO_CHARACTER:
            value = (value ^ np.uint64(byte)) * np.uint64(1099511628211)
    value ^= value >> np.uint64(32)
    return value * np.uint64(0x9E3779B97F4A7C15)


@compiled
def _place(value: np.uint64, words: int) -> tuple[np.uint64, np.uint64]:
    """Word and bits of a hash; `words` is a power of two."""
    one, six = np.uint64(1), np.uint64(63)
    mask = one << (value & six) | one << (value >> np.uint64(6) & six) | one << (value >> np.uint64(12) & six)
    return value >> np.uint64(18) & np.uint64(words - 1), mask
