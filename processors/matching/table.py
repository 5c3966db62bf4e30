"""Step 4, matched: framed values by folded plate and entry id, in bytes of our own, for compiled code.

A dictionary of ten million values takes half a minute to fill, and each value is an object. Here they are copied behind
each other into segments as they come, and `slots` say where. What is replaced or removed stays as garbage until its
segment is cleaned: then what is live in it is moved to another.

All values begin alike: header, plate, a byte of match kind, entry id. What is asked for is said by such a value, too.
"""

from collections.abc import Collection

import numpy as np

from processors.matching.pages import pages
from processors.matching.segments import (
    COUNT,
    SEGMENT,
    Store,
    clean,
    find_listed,
    open_segment,
    put_some,
    remove,
    set_places,
    set_words,
)
from processors.matching.slots import Slots, Words, may_have
from schemas.framing import frame
from schemas.plates import MAX_PLATE_LENGTH, fold_bytes
from streams.chunks.compiled import Bytes, as_array
from streams.chunks.plates import Numbers, ids_of
from streams.chunks.records import Records, records_of_values

SEGMENT_BYTES = 1 << 20
MOST_BYTES = SEGMENT_BYTES // 4 - 8
"""Of a value: so one fits behind what is live in a segment that is worth cleaning."""

_USUAL_ENTRIES = 4  # of one plate


class PlateTable:
    """Values that begin as records of `wire_ids` do. `segment_bytes` are of a segment, in multiples of 8."""

    def __init__(
        self, wire_ids: Collection[int], segment_bytes: int = SEGMENT_BYTES, slots_moved_at_once: int = 65_536
    ) -> None:
        self._wire_ids, self._any_id = ids_of(wire_ids), min(wire_ids)
        self._slots, self._at_once = Slots(slots_moved_at_once), slots_moved_at_once // 16
        self._store = Store(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.array([0, 0, 0, segment_bytes], np.int64))
        self._memory = pages(segment_bytes)
        self._free: list[int] = []

    def __len__(self) -> int:
        return int(self._store.state[COUNT])

    def __contains__(self, plate: bytes) -> bool:
        return bool(self.values(plate))

    def put_all(self, records: Records) -> None:
        """Take the values of records, each instead of the one with its folded plate and id.

        One that has no plate, or is longer than a quarter of a segment, is passed over.
        """
        for start in range(0, len(records), self._at_once):
            some = records.part(start, start + self._at_once)
            self._slots.make_room(len(self), len(some))
            wanted = _wanted_words(some, self._wire_ids)
            for words, which in self._slots.shares(wanted):
                self._put(words, wanted[which], Records(some.content, some.places[which]))

    def put(self, plate: bytes, entry_id: bytes) -> None:
        """Take a folded plate and an id, and nothing else."""
        self.put_all(records_of_values([self._naming(plate, entry_id)]))

    def remove(self, plate: bytes, entry_id: bytes) -> None:
        """Forget the value of a folded plate and an id, if there is one."""
        if _is_folded(plate):
            value = as_array(self._naming(plate, entry_id))
            for words in self._slots.arrays():
                remove(words, self._store, value)

    def values(self, plate: bytes) -> list[tuple[bytes, bytes]]:
        """Entry id and value of all that a folded plate has, in the order in which they came."""
        if not _is_folded(plate):
            return []
        memory, value = self._memory, as_array(self._naming(plate, b""))
        return [
            (memory[entry_id:id_end], memory[start:end])
            for words in self._slots.arrays()
            for start, end, entry_id, id_end in self._places(words, value).tolist()
        ]

    def listed(self, records: Records, wire_ids: Numbers) -> list[int]:
        """Numbers of the records of `wire_ids` whose plate is held, and of those that have none or are of others."""
        content, places = as_array(records.content), records.places
        wanted = _wanted_words(records, wire_ids)
        is_listed = wanted == 0
        for words, which in self._slots.shares(wanted):
            share = wanted[which]
            found = np.empty(len(share), np.bool_)
            find_listed(found, words, self._store.arena, share, content, places[which])
            is_listed[which] |= found
        numbers: list[int] = np.flatnonzero(is_listed).tolist()
        return numbers

    def _put(self, words: Words, wanted: Words, records: Records) -> None:
        content, done = as_array(records.content), 0
        may_have(np.empty(len(wanted), np.bool_), words, wanted)  # brings the slots near
        while done < len(records):
            done += put_some(words, self._store, wanted[done:], content, records.places[done:])
            if done < len(records):
                self._open_segment()

    def _places(self, words: Words, value: Bytes) -> Numbers:
        """Places of value and id, a row for each that has the plate of a value."""
        found = np.empty((_USUAL_ENTRIES, 4), np.int64)
        count = set_places(found, words, self._store.arena, value)
        if count > len(found):
            found = np.empty((count, 4), np.int64)
            set_places(found, words, self._store.arena, value)
        return found[:count]

    def _open_segment(self) -> None:
        """Go on in an empty segment. If a quarter of the others is garbage, clean one instead of making more."""
        size = int(self._store.state[SEGMENT])
        filled = self._store.live.copy()
        filled[self._free] = size
        if len(self._free) == 1 and (size - filled).sum() * 4 > size * (len(filled) - 1):
            dirty = int(np.argmin(filled))
            open_segment(self._store, self._free.pop())
            for words in self._slots.arrays():
                clean(words, self._store, dirty)
            self._store.live[dirty] = 0
            self._free.append(dirty)
            return
        if len(self._free) < 2:  # one is kept for cleaning
            self._add_segments(len(filled) // 8 + 2)
        open_segment(self._store, self._free.pop())

    def _add_segments(self, more: int) -> None:
        live, state = self._store.live, self._store.state
        count, segment_bytes = len(live) + more, int(state[SEGMENT])
        del self._store  # memory that is looked at cannot be resized
        self._memory.resize(count * segment_bytes)
        arena = np.frombuffer(self._memory, np.uint8)
        self._free += reversed(range(len(live), count))
        self._store = Store(arena, np.append(live, np.zeros(more, np.int64)), state)

    def _naming(self, plate: bytes, entry_id: bytes) -> bytes:
        """A value of a plate and an id, and nothing else."""
        length, varint_bytes = 2 * len(entry_id), bytearray()
        while length > 0x7F:
            varint_bytes.append(length & 0x7F | 0x80)
            length >>= 7
        body = bytes([2 * len(plate)]) + plate + b"\0" + varint_bytes + bytes([length]) + entry_id
        return frame(self._any_id, body)


def _wanted_words(records: Records, wire_ids: Numbers) -> Words:
    wanted = np.zeros(len(records), np.uint64)
    set_words(wanted, as_array(records.content), records.places, wire_ids)
    return wanted


def _is_folded(plate: bytes) -> bool:
    return 0 < len(plate) <= MAX_PLATE_LENGTH and fold_bytes(plate) == plate
