"""Step 4, matched: many listed plates searched for in one pass of google-re2 over the bytes of a whole chunk.

Nobody waits long: a plate that is added is found from the next search on, in a small pattern of the recent ones.
Patterns are merged on a thread (re2 works without Python's lock); the old ones are searched until that is done.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

import re2

from processors.matching.comparison import partial_pattern
from schemas.plates import fold_bytes

_MOST_MEMORY_BYTES = 256 * 1024 * 1024  # of a pattern; with re2's own 8 MiB large ones are searched the slow way
_MOST_PARTIAL = 128  # in a pattern: larger ones have so many states that their first searches take seconds
_LOOK_ALIKES = {ord("0"): b"[0O]", ord("1"): b"[1I]"}

Search = Callable[[bytes], Iterator[tuple[int, list[bytes]]]]
"""Finds plates in bytes: each offset with the listed plates (folded) that are found there."""


@dataclass(frozen=True)
class _Part:
    plates: frozenset[bytes]
    searches: list[Search]


@dataclass
class Patterns:
    """A changing set of folded listed plates, searched for all at once.

    `compile_` makes searches of plates; at most `most_recent` plates are compiled while the caller waits.
    """

    compile_: Callable[[Collection[bytes]], list[Search]]
    most_recent: int
    _wanted: set[bytes] = field(default_factory=set)
    _parts: list[_Part] = field(default_factory=list)
    _recent: set[bytes] = field(default_factory=set)
    _recent_searches: list[Search] | None = None
    _unwanted: int = 0
    _merging: tuple[Future[_Part], int] | None = None
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "patterns"))

    def add(self, plate: bytes) -> None:
        """Search for a plate from now on."""
        if plate in self._wanted:
            return
        self._wanted.add(plate)
        if not any(plate in part.plates for part in self._parts):
            self._look_for_recent({plate})

    def discard(self, plate: bytes) -> None:
        """Search for it no more. It may still be found until the next merge: the caller passes over it."""
        self._wanted.discard(plate)
        self._unwanted += 1
        if self._unwanted >= self.most_recent:
            self._merge()

    def find(self, text: bytes) -> Iterator[tuple[int, list[bytes]]]:
        """Offsets in `text`, each with the plates that are found there."""
        self._take_merged()
        if self._recent_searches is None:
            self._recent_searches = self.compile_(self._recent)
        for part in self._parts:
            for search in part.searches:
                yield from search(text)
        for search in self._recent_searches:
            yield from search(text)

    def settle(self) -> None:
        """Wait for the merge that is under way."""
        while self._merging:
            self._merging[0].result()
            self._take_merged()

    def _look_for_recent(self, plates: set[bytes]) -> None:
        self._recent |= plates
        self._recent_searches = None
        if len(self._recent) >= self.most_recent:
            self._parts.append(self._compile_part(self._recent))
            self._recent = set()
            self._merge()

    def _compile_part(self, plates: Collection[bytes]) -> _Part:
        return _Part(frozenset(plates), self.compile_(plates))

    def _merge(self) -> None:
        if self._merging or not self._parts or (len(self._parts) == 1 and self._unwanted < self.most_recent):
            return
        self._unwanted = 0
        self._merging = self._thread.submit(self._compile_part, self._wanted - self._recent), len(self._parts)

    def _take_merged(self) -> None:
        if not self._merging or not self._merging[0].done():
            return
        (future, count), self._merging = self._merging, None
        merged = future.result()
        replaced, self._parts = self._parts[:count], [merged, *self._parts[count:]]
        returned = set[bytes]().union(*(part.plates for part in replaced)) & self._wanted - merged.plates
        if returned:  # removed before the merge began and listed again meanwhile
            self._look_for_recent(returned)
        self._merge()


def compile_whole(plates: Collection[bytes]) -> list[Search]:
    """Searches for Avro strings that fold to `plates`, in values that are joined: one for each length.

    Such a string is its length byte and its characters. The byte makes re2 skip to where it stands, and nothing that
    matches can hide what follows: characters of a plate are no length bytes.
    """
    by_length = sorted(plates, key=lambda plate: (len(plate), plate))
    return [_whole_search(length, list(same)) for length, same in groupby(by_length, key=len)]


def _whole_search(length: int, plates: list[bytes]) -> Search:
    spellings = b"|".join(b"".join(_LOOK_ALIKES.get(byte, bytes([byte])) for byte in plate) for plate in plates)
    pattern = re2.compile(rb"\x%02x(?:%s)" % (2 * length, spellings), _options())
    pattern.search(b"".join(bytes([2 * length]) + plate[:-1] for plate in plates))  # re2 builds states when first met

    def search(text: bytes) -> Iterator[tuple[int, list[bytes]]]:
        for found in pattern.finditer(text):
            yield found.start(), [fold_bytes(found.group()[1:])]

    return search


def compile_partial(plates: Collection[bytes]) -> list[Search]:
    """Searches for lines that fit partial `plates`, in folded plates that are joined by line ends."""
    ordered = sorted(plates)
    return [_partial_search(ordered[at : at + _MOST_PARTIAL]) for at in range(0, len(ordered), _MOST_PARTIAL)]


def _partial_search(plates: list[bytes]) -> Search:
    patterns = [partial_pattern(plate.decode()).encode() for plate in plates]
    any_of_them = re2.compile(rb"(?m)^(?:%s)$" % b"|".join(patterns), _options())
    which = re2.Set.FullMatchSet(_options())
    for pattern in patterns:
        which.Add(pattern)
    which.Compile()

    def search(text: bytes) -> Iterator[tuple[int, list[bytes]]]:
        for found in any_of_them.finditer(text):
            yield found.start(), [plates[number] for number in which.Match(found.group())]

    return search


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # offsets are bytes, and any bytes may come
    options.max_mem = _MOST_MEMORY_BYTES
    options.never_capture = True
    options.log_errors = False
    return options
