"""Step 4, matched: slots, which say by the hash of a plate where its records are. Open addressing, for compiled code.

A slot is a word: 32 bits of hash, 32 bits for where the record is. 0 is a free one, since no hash is 0. A hash has its
home at `hash * slots >> 32`; its words stand there or behind, without a gap. So words stand in the order of hashes, and
an array twice as long is filled from front to back while the old one is read so. That is done a portion at a time, with
each message: nobody waits for it, however many there are.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from processors.matching.pages import pages
from streams.chunks.compiled import Flags, compiled

Words = NDArray[np.uint64]

HASH_SHIFT = np.uint64(32)
_FULL = 0.7
_GROWTH = 2
_FEWEST = 1024
_NO_SLOTS = np.zeros(0, np.uint64)
_LOOKED_AT = 8  # one or two lines of memory
_TOUCHED = 256  # whose lines stay in the processor's cache until they are looked at


def _free_slots(size: int) -> Words:
    return np.frombuffer(pages(size * 8), np.uint64)


class Slots:
    """`before` is the array that is being left: of its slots, counted from `start` on, the first `moved` are moved.

    At each call of `make_room` at least `moved_at_once` more are.
    """

    def __init__(self, moved_at_once: int) -> None:
        self.moved_at_once = moved_at_once
        self.words, self.before = _free_slots(_FEWEST), _NO_SLOTS
        self.start = self.moved = 0

    def make_room(self, held: int, more: int) -> None:
        """For `more` words, a sixteenth of `moved_at_once` at most, beside those that are `held`."""
        if not len(self.before) and held + more > _FULL * len(self.words):
            size = len(self.words)
            while held + more > _FULL * size:
                size *= _GROWTH
            self.start, self.moved = _first_free(self.words), 0
            self.words, self.before = _free_slots(size), self.words
        if len(self.before):
            self.moved = _move(self.words, self.before, self.start, self.moved, self.moved_at_once)
            if self.moved >= len(self.before):
                self.before = _NO_SLOTS

    def arrays(self) -> tuple[Words, ...]:
        """Where words may be."""
        return (self.words, self.before) if len(self.before) else (self.words,)

    def shares(self, wanted: Words) -> Iterator[tuple[Words, Flags | slice]]:
        """Each array, and for which of the wanted words it is the one."""
        if not len(self.before):
            yield self.words, slice(None)
            return
        size = len(self.before)
        home = ((wanted >> HASH_SHIFT) * np.uint64(size) >> HASH_SHIFT).astype(np.int64)
        is_left = (home - self.start) % size >= self.moved
        yield self.before, is_left
        yield self.words, ~is_left


@compiled
def may_have(found: Flags, words: Words, wanted: Words) -> None:
    """Says in `found` for which words there may be one of the same hash: for all that have one, and for few others.

    Slots of some words are touched before they are looked at: accesses to memory overlap where little else is done
    between them, and take a third of the time.
    """
    for start in range(0, len(wanted), _TOUCHED):
        some = wanted[start : start + _TOUCHED]
        are_free = _are_free(words, some)
        for number in range(len(some)):
            found[start + number] = _may_stand(words, some[number]) | are_free  # not used, it would be compiled away


@compiled
def _are_free(words: Words, some: Words) -> bool:
    """Touches the slots that are looked at for some words; whether all of those are free that were touched."""
    touched = np.uint64(0)
    for word in some:
        lowest = _lowest(words, word)
        touched |= words[lowest] | words[lowest + _LOOKED_AT - 1]
    return bool(touched == 0)


@compiled
def _lowest(words: Words, word: np.uint64) -> int:
    """The first of the slots that are looked at for a word."""
    return min(home_of(word, len(words)), len(words) - _LOOKED_AT)


@compiled
def _may_stand(words: Words, word: np.uint64) -> bool:
    """Whether a word of this hash is met in the slots that are looked at, or may stand behind them. No branches."""
    home = _lowest(words, word)
    is_met, has_gap = False, False
    for at in range(home, home + _LOOKED_AT):
        is_met |= words[at] >> HASH_SHIFT == word >> HASH_SHIFT
        has_gap |= words[at] == 0
    return is_met | (not has_gap) | (home == len(words) - _LOOKED_AT)


@compiled
def home_of(word: np.uint64, size: int) -> int:
    """The slot of `size` at which the search for a word begins."""
    return int(np.int64((word >> HASH_SHIFT) * np.uint64(size) >> HASH_SHIFT))


@compiled
def next_slot(words: Words, at: int) -> int:
    """The slot behind one."""
    return at + 1 if at + 1 < len(words) else 0


@compiled
def slot_of(words: Words, word: np.uint64) -> int:
    """Where exactly this word stands, or else the free slot for it."""
    at = home_of(word, len(words))
    while words[at] != 0 and words[at] != word:
        at = next_slot(words, at)
    return at


@compiled
def free_slot(words: Words, hole: int) -> None:
    """Empty a slot, and close the gap behind it."""
    size, at = len(words), next_slot(words, hole)
    while words[at] != 0:
        from_home, from_hole = at - home_of(words[at], size), at - hole
        if (from_home if from_home >= 0 else from_home + size) >= (from_hole if from_hole >= 0 else from_hole + size):
            words[hole] = words[at]
            hole = at
        at = next_slot(words, at)
    words[hole] = 0


@compiled
def _first_free(words: Words) -> int:
    at = 0
    while words[at] != 0:
        at += 1
    return at


@compiled
def _move(words: Words, before: Words, start: int, moved: int, most: int) -> int:
    """Move what is in the next `most` slots, and behind them without a gap; how many slots are done then.

    A gap at both ends of what is moved: so no word stands on the other side of its home.
    """
    size, stop = len(before), min(moved + most, len(before))
    at = (start + moved) % size
    while moved < stop or before[at] != 0:
        if before[at] != 0:
            words[slot_of(words, before[at])] = before[at]
            before[at] = 0
        moved += 1
        at = next_slot(before, at)
    return moved
