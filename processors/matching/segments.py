"""Step 4, matched: the records of a table in their segments, for compiled code, which has no bounds checks.

Only values whose plate was found (`plate_place`) are kept, so each kept one can be read again without a check.
"""

from typing import NamedTuple

import numpy as np

from processors.matching.slots import HASH_SHIFT, Words, free_slot, home_of, may_have, next_slot, slot_of
from schemas.framing import HEADER_BYTES
from streams.chunks.compiled import Bytes, Flags, are_same, compiled
from streams.chunks.plates import Numbers, hash_of, is_same_plate, plate_place
from streams.chunks.records import VALUE, VALUE_END, varint

NEXT, END, COUNT, SEGMENT = range(4)
"""Of `Store.state`: where the next record goes, where its segment ends; how many records; bytes of a segment."""

_UNIT = 8  # bytes; records begin at multiples, so 32 bits reach 32 GiB
_LENGTH_BYTES = 4  # a record is the length of its value and the value

_Place = tuple[int, int]


class Store(NamedTuple):
    """`arena` are the segments; `live`: bytes of each that are of no replaced or removed record."""

    arena: Bytes
    live: Numbers
    state: Numbers


@compiled
def set_words(wanted: Words, content: Bytes, places: Numbers, wire_ids: Numbers) -> None:
    """Makes each of `wanted`, zeros, a word with the hash of its record's plate, if that has one."""
    for number in range(len(places)):
        plate, end = plate_place(content, places[number, VALUE], places[number, VALUE_END], wire_ids)
        if plate < end:
            wanted[number] = hash_of(content, plate, end) << HASH_SHIFT


@compiled
def put_some(words: Words, store: Store, wanted: Words, content: Bytes, places: Numbers) -> int:
    """How many records were taken before the segment was full."""
    arena, live, state = store
    for number in range(len(places)):
        start, end = places[number, VALUE], places[number, VALUE_END]
        size = _record_bytes(end - start)
        if wanted[number] == 0 or size * 4 > state[SEGMENT]:
            continue
        if state[NEXT] + size > state[END]:
            return number
        at = _find(words, arena, wanted[number], content, (start, end))
        if words[at] != 0:
            _let_go(arena, live, state, words[at])
        else:
            state[COUNT] += 1
        words[at] = wanted[number] | _append(arena, live, state, content, (start, end))
    return len(places)


@compiled
def find_listed(found: Flags, words: Words, arena: Bytes, wanted: Words, content: Bytes, places: Numbers) -> None:  # noqa: PLR0913 - compiled code has no objects
    """Says in `found` which reads' plates are held."""
    may_have(found, words, wanted)
    for number in range(len(wanted)):
        if found[number] and wanted[number] != 0:
            place = places[number, VALUE], places[number, VALUE_END]
            found[number] = words[_find(words, arena, wanted[number], content, place, True)] != 0


@compiled
def _record_bytes(length: int) -> int:
    """Of a record whose value has this length."""
    return (length + _LENGTH_BYTES + _UNIT - 1) // _UNIT * _UNIT


@compiled
def _key_of(content: Bytes, value: _Place) -> tuple[int, int, int, int]:
    """Places of plate and id in a value; the id is empty where there is none."""
    plate, end = value[0] + HEADER_BYTES + 1, value[1]
    plate_end = plate + int(np.int64(content[plate - 1]) >> 1)
    length, entry_id = varint(content, plate_end + 1, end)
    if length < 0 or entry_id + length > end:
        return plate, plate_end, end, end
    return plate, plate_end, entry_id, entry_id + length


@compiled
def _find(
    words: Words, arena: Bytes, wanted: np.uint64, content: Bytes, value: _Place, has_any_id: bool = False
) -> int:
    """The slot of a value's plate and id (or of any id), else the free one where it would be."""
    at = home_of(wanted, len(words))
    while words[at] != 0:
        if words[at] >> HASH_SHIFT == wanted >> HASH_SHIFT and _is_of(arena, words[at], content, value, has_any_id):
            return at
        at = next_slot(words, at)
    return at


@compiled
def _is_of(arena: Bytes, word: np.uint64, content: Bytes, value: _Place, has_any_id: bool) -> bool:
    plate, plate_end, entry_id, id_end = _key_of(arena, _value_place(arena, word))
    other_plate, other_plate_end, other_id, other_id_end = _key_of(content, value)
    if not is_same_plate(arena, (plate, plate_end), content, (other_plate, other_plate_end)):
        return False
    if has_any_id:
        return True
    if id_end - entry_id != other_id_end - other_id:
        return False
    return are_same(arena[entry_id:id_end], content[other_id:other_id_end])


@compiled
def _value_place(arena: Bytes, word: np.uint64) -> _Place:
    start = int(np.int64(word & np.uint64(0xFFFF_FFFF))) * _UNIT
    length = 0
    for byte in range(_LENGTH_BYTES):
        length |= int(np.int64(arena[start + byte])) << 8 * byte
    return start + _LENGTH_BYTES, start + _LENGTH_BYTES + length


@compiled
def _append(arena: Bytes, live: Numbers, state: Numbers, content: Bytes, value: _Place) -> np.uint64:
    """Copy a value into the open segment; the part of its word that says where."""
    at, length = state[NEXT], value[1] - value[0]
    for byte in range(_LENGTH_BYTES):
        arena[at + byte] = length >> 8 * byte & 0xFF
    source, target = content[value[0] : value[1]], arena[at + _LENGTH_BYTES : at + _LENGTH_BYTES + length]
    for byte in range(len(source)):  # from 0 on, so that many bytes are copied at once
        target[byte] = source[byte]
    live[at // state[SEGMENT]] += _record_bytes(length)
    state[NEXT] += _record_bytes(length)
    return np.uint64(at // _UNIT)


@compiled
def _let_go(arena: Bytes, live: Numbers, state: Numbers, word: np.uint64) -> None:
    start, end = _value_place(arena, word)
    live[start // state[SEGMENT]] -= _record_bytes(end - start)


@compiled
def remove(words: Words, store: Store, value: Bytes) -> None:
    arena, live, state = store
    at = _slot_named(words, arena, value, False)
    if words[at] != 0:
        _let_go(arena, live, state, words[at])
        free_slot(words, at)
        state[COUNT] -= 1


@compiled
def _slot_named(words: Words, arena: Bytes, value: Bytes, has_any_id: bool) -> int:
    plate, plate_end, _, _ = _key_of(value, (0, len(value)))
    return _find(words, arena, hash_of(value, plate, plate_end) << HASH_SHIFT, value, (0, len(value)), has_any_id)


@compiled
def set_places(found: Numbers, words: Words, arena: Bytes, value: Bytes) -> int:
    """How many have the plate of a value. Sets places of value and id of each, as far as `found` has rows for them."""
    at, count = _slot_named(words, arena, value, True), 0
    while words[at] != 0:
        if _is_of(arena, words[at], value, (0, len(value)), True):
            if count < len(found):
                row, place = found[count], _value_place(arena, words[at])
                row[0], row[1] = place
                _, _, row[2], row[3] = _key_of(arena, place)
            count += 1
        at = next_slot(words, at)
    return count


@compiled
def open_segment(store: Store, segment: int) -> None:
    """Go on at the start of a segment; a length of 0 marks the end of the one that was filled."""
    arena, _, state = store
    if state[NEXT] < state[END]:
        for byte in range(_LENGTH_BYTES):
            arena[state[NEXT] + byte] = 0
    state[NEXT] = segment * state[SEGMENT]
    state[END] = state[NEXT] + state[SEGMENT]


@compiled
def clean(words: Words, store: Store, segment: int) -> None:
    """Move what is live by these words to the open segment, which has room. Live is what its word says to be there."""
    arena, live, state = store
    at = segment * state[SEGMENT]
    stop = at + state[SEGMENT]
    while at < stop:
        unit = np.uint64(at // _UNIT)
        start, end = _value_place(arena, unit)
        if start == end:
            break
        plate, plate_end, _, _ = _key_of(arena, (start, end))
        wanted = hash_of(arena, plate, plate_end) << HASH_SHIFT
        slot = slot_of(words, wanted | unit)
        if words[slot] != 0:
            words[slot] = wanted | _append(arena, live, state, arena, (start, end))
        at += _record_bytes(end - start)
