"""Step 4, matched: FUZZY and PARTIAL entries of the hotlist, found for a whole chunk of reads in a few passes.

The work is done when an entry is put: a FUZZY one is expanded into all folded plates that look like its own, a PARTIAL
one becomes a pattern. `select` then names the reads that may mean one of them. It may name too many, since the rules
judge each, but never too few, and reads that are not named need no decoding.
"""

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from platestream.settings import MatchingSettings
from processors.matching.comparison import look_alikes
from processors.matching.patterns import Patterns, compile_partial, compile_whole
from processors.matching.table import PlateTable
from schemas.messages import HotlistEntry, MatchKind
from schemas.plates import fold
from streams.chunks.plates import folded_lines, ids_of
from streams.chunks.records import END, START, Records
from streams.hotlists.kinds import check_kind

_NO_SCHEMA = 0
_RECENT_FUZZY, _RECENT_PARTIAL = 200, 100  # compiled while reads wait, in about 2 ms

_Finds = Iterable[tuple[int, list[bytes]]]


class WiderEntries:
    """All FUZZY and PARTIAL entries by topic key. `read_ids` are the schema ids of reads.

    So many plates of each kind are compiled while reads wait.
    """

    def __init__(
        self,
        settings: MatchingSettings,
        read_ids: Collection[int],
        recent_fuzzy: int = _RECENT_FUZZY,
        recent_partial: int = _RECENT_PARTIAL,
    ) -> None:
        self._settings = settings
        self._read_ids = read_ids
        self.entries: dict[bytes, HotlistEntry] = {}
        self._fuzzy, self._partial = _Index(), _Index()  # topic keys by folded listed plate
        self._alike = PlateTable([_NO_SCHEMA])  # topic keys by folded listed plate and, of FUZZY ones, its look-alikes
        self._whole_patterns = Patterns(compile_whole, recent_fuzzy)
        self._partial_patterns = Patterns(compile_partial, recent_partial)

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, key: bytes) -> HotlistEntry | None:
        """The entry of a topic key; None when there is none, or no longer."""
        return self.entries.get(key)

    def put(self, key: bytes, entry: HotlistEntry) -> None:
        """Take a FUZZY or PARTIAL entry, or its new version.

        Raises InvalidMessage, its reason an EntryFault, when it breaks a rule of its kind. The one that it was meant to
        replace is removed all the same.
        """
        self.remove(key)
        check_kind(entry, self._settings.partial_categories)
        self.entries[key] = entry
        folded = fold(entry.plate).encode()
        for plate in _alike(folded, entry.match_kind):
            self._alike.put(plate, key)
        if entry.match_kind is MatchKind.FUZZY:
            if self._fuzzy.put(folded, key):
                self._whole_patterns.add(folded)
        elif self._partial.put(folded, key):
            self._partial_patterns.add(folded)

    def remove(self, key: bytes) -> None:
        """Forget the entry of a topic key, if there is one."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return
        folded = fold(entry.plate).encode()
        for plate in _alike(folded, entry.match_kind):
            self._alike.remove(plate, key)
        if entry.match_kind is MatchKind.FUZZY:
            if self._fuzzy.remove(folded, key):
                self._whole_patterns.discard(folded)
        elif self._partial.remove(folded, key):
            self._partial_patterns.discard(folded)

    def replace(self, records: Records, wire_ids: Collection[int]) -> None:
        """Forget the entries whose keys these messages have, which are of `wire_ids` and of their keys' plates."""
        if self.entries and len(records):
            for number in self._alike.listed(records, ids_of(wire_ids)):
                self.remove(records[number].key or b"")

    def select(self, records: Records) -> dict[int, list[bytes]]:
        """Number of each read that may mean an entry, with the topic keys of those entries.

        Without entries it costs nothing.
        """
        found: dict[int, dict[bytes, None]] = {}
        if self.entries and len(records):
            for number, keys in self._find(records):
                found.setdefault(number, {}).update(dict.fromkeys(keys))
        return {number: list(keys) for number, keys in found.items()}

    def settle(self) -> None:
        """Wait until patterns are merged as far as they will be: after a load, before the first reads."""
        self._whole_patterns.settle()
        self._partial_patterns.settle()

    def _find(self, records: Records) -> Iterator[tuple[int, Iterable[bytes]]]:
        if self._fuzzy:
            yield from self._find_look_alikes(records)
            for number, listed in self._find_whole(records):
                yield number, self._fuzzy.all_of(listed)
        if self._partial:
            for number, listed in self._find_partial(records):
                yield number, self._partial.all_of(listed)

    def _find_look_alikes(self, records: Records) -> _Finds:
        numbers = self._alike.listed(records, ids_of(self._read_ids))
        text, _ = folded_lines(records.those(numbers), self._read_ids)
        for number, plate in zip(numbers, text.split(b"\n"), strict=False):
            if keys := [key for key, _ in self._alike.values(plate)]:
                yield number, keys

    def _find_whole(self, records: Records) -> _Finds:
        """Reads whose OCR also considered a listed plate, or read it."""
        first, starts = int(records.places[0, START]), records.places[:, START]
        for offset, plates in self._whole_patterns.find(records.content[first : int(records.places[-1, END])]):
            yield int(np.searchsorted(starts, first + offset, "right")) - 1, plates

    def _find_partial(self, records: Records) -> _Finds:
        text, ends = folded_lines(records, self._read_ids)
        for offset, plates in self._partial_patterns.find(text):
            yield int(np.searchsorted(ends, offset, "right")), plates


class _Index(dict[bytes, set[bytes]]):
    """Several values by key."""

    def put(self, key: bytes, value: bytes) -> bool:
        """True when it is the first of its key."""
        values = self.setdefault(key, set())
        values.add(value)
        return len(values) == 1

    def remove(self, key: bytes, value: bytes) -> bool:
        """True when it was the last of its key."""
        values = self[key]
        values.discard(value)
        if values:
            return False
        del self[key]
        return True

    def all_of(self, keys: Iterable[bytes]) -> list[bytes]:
        return [value for key in keys for value in self.get(key, ())]


def _alike(folded: bytes, kind: MatchKind) -> list[bytes]:
    others = look_alikes(folded.decode()) if kind is MatchKind.FUZZY else ()
    return [folded, *(plate.encode() for plate in others)]
