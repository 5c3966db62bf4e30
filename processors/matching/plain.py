"""Step 4, matched: which messages of the hotlist's topic are EXACT or FOLDED entries under the right key, at sight."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from processors.matching.table import MOST_BYTES
from streams.chunks.compiled import Bytes, are_same, as_array, compiled
from streams.chunks.plates import FOLDED, NO_CHARACTER, ids_of, plate_place
from streams.chunks.records import KEY, KEY_END, VALUE, VALUE_END, Records

SEPARATOR = b"\x1f"
"""Between folded plate and entry id in the key of an entry."""

WIDER_BYTE = 4
"""Avro's of FUZZY, the third match kind; PARTIAL follows."""

_SEPARATOR_BYTE = SEPARATOR[0]
_LEAST_BYTES = 28  # what is shorter may end before the length of its id, and is looked at closely
_LONGER_ID = 0x80


def others_than_plain(records: Records, wire_ids: Collection[int]) -> list[int]:
    """Numbers of the messages that must be looked at closely: all but entries whose key says their plate and id."""
    numbers = np.empty(len(records) + 1, np.int64)
    count = _others(as_array(records.content), records.places, ids_of(wire_ids), numbers)
    found: list[int] = numbers[:count].tolist()
    return found


@compiled
def _others(content: Bytes, places: NDArray[np.int64], ids: NDArray[np.int64], numbers: NDArray[np.int64]) -> int:
    count = 0
    for number in range(len(places)):
        numbers[count] = number
        count += not _is_plain(content, places[number], ids)
    return count


@compiled
def _is_plain(content: Bytes, place: NDArray[np.int64], ids: NDArray[np.int64]) -> bool:
    if not _LEAST_BYTES < place[VALUE_END] - place[VALUE] <= MOST_BYTES:
        return False
    start, end = plate_place(content, place[VALUE], place[VALUE_END], ids)
    if start == end or content[end] >= WIDER_BYTE or content[end + 1] >= _LONGER_ID:
        return False
    at, key_end = place[KEY], place[KEY_END]
    for plate in range(start, end):
        byte = FOLDED[content[plate]]
        if byte != NO_CHARACTER:
            if at >= key_end or content[at] != byte:
                return False
            at += 1
    entry_id = end + 2
    length = np.int64(content[entry_id - 1]) >> 1
    if key_end - at != length + 1 or entry_id + length > place[VALUE_END] or content[at] != _SEPARATOR_BYTE:
        return False
    return are_same(content[at + 1 : key_end], content[entry_id : entry_id + length])
