"""Step 4, matched: FUZZY and PARTIAL entries of the hotlist, found for a whole chunk of reads in a few passes.

The work is done when an entry is put: a FUZZY one is expanded into all folded plates that look like its own, a PARTIAL
one becomes a pattern. `select` then names the reads that may mean one of them. It may name too many, since the rules
judge each, but never too few, and reads that are not named need no decoding.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from platestream.settings import MatchingSettings
from processors.matching.comparison import look_alikes
from processors.matching.patterns import Patterns, compile_partial, compile_whole
from schemas.messages import HotlistEntry, MatchKind
from schemas.plates import fold
from streams.hotlists.kinds import check_kind

_RECENT_FUZZY, _RECENT_PARTIAL = 200, 100  # compiled while reads wait, in about 2 ms
_READS_AT_ONCE = 5000  # joined, they stay in the cache of the machine

_Finds = Iterable[tuple[int, list[bytes]]]


class WiderEntries:
    """All FUZZY and PARTIAL entries by topic key. So many plates of each kind are compiled while reads wait."""

    def __init__(
        self, settings: MatchingSettings, recent_fuzzy: int = _RECENT_FUZZY, recent_partial: int = _RECENT_PARTIAL
    ) -> None:
        self._settings = settings
        self.entries: dict[bytes, HotlistEntry] = {}
        self._fuzzy, self._partial = _Index(), _Index()  # topic keys by folded listed plate
        self._look_alikes = _Index()  # folded listed plates of FUZZY entries by each that looks like them
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
        if entry.match_kind is MatchKind.FUZZY:
            if self._fuzzy.put(folded, key):
                self._whole_patterns.add(folded)
                for plate in _alike(folded):
                    self._look_alikes.put(plate, folded)
        elif self._partial.put(folded, key):
            self._partial_patterns.add(folded)

    def remove(self, key: bytes) -> None:
        """Forget the entry of a topic key, if there is one."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return
        folded = fold(entry.plate).encode()
        if entry.match_kind is MatchKind.FUZZY:
            if self._fuzzy.remove(folded, key):
                self._whole_patterns.discard(folded)
                for plate in _alike(folded):
                    self._look_alikes.remove(plate, folded)
        elif self._partial.remove(folded, key):
            self._partial_patterns.discard(folded)

    def select(self, folded_plates: Sequence[bytes], values: Sequence[bytes | None]) -> dict[int, list[bytes]]:
        """Index of each read that may mean an entry, with the topic keys of those entries.

        `folded_plates` and `values` (framed Avro) are those of the same reads. Without entries it costs nothing.
        """
        found: dict[int, dict[bytes, None]] = {}
        for start in range(0, len(values) if self.entries else 0, _READS_AT_ONCE):
            some = slice(start, start + _READS_AT_ONCE)
            for index, keys in self._find(folded_plates[some], values[some]):
                found.setdefault(start + index, {}).update(dict.fromkeys(keys))
        return {index: list(keys) for index, keys in found.items()}

    def settle(self) -> None:
        """Wait until patterns are merged as far as they will be: after a load, before the first reads."""
        self._whole_patterns.settle()
        self._partial_patterns.settle()

    def _find(self, plates: Sequence[bytes], values: Sequence[bytes | None]) -> Iterator[tuple[int, Iterable[bytes]]]:
        if self._fuzzy:
            for index, listed in (*self._find_look_alikes(plates), *self._find_whole(values)):
                yield index, self._fuzzy.all_of(listed)
        if self._partial:
            for index, listed in self._find_partial(plates):
                yield index, self._partial.all_of(listed)

    def _find_look_alikes(self, plates: Sequence[bytes]) -> _Finds:
        alike = self._look_alikes
        return [(index, [*alike[plate]]) for index, plate in enumerate(plates) if plate in alike]

    def _find_whole(self, values: Sequence[bytes | None]) -> _Finds:
        """Reads whose OCR also considered a listed plate, or read it."""
        parts = [value or b"" for value in values]
        return _indexed(self._whole_patterns.find(b"".join(parts)), parts, 0)

    def _find_partial(self, plates: Sequence[bytes]) -> _Finds:
        text = b"\n".join(plates)
        if text.count(b"\n") >= len(plates):  # of a read that is none
            text = b"\n".join(plate.replace(b"\n", b" ") for plate in plates)
        return _indexed(self._partial_patterns.find(text), plates, 1)


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


def _alike(folded: bytes) -> list[bytes]:
    return [folded, *(plate.encode() for plate in look_alikes(folded.decode()))]


def _indexed(finds: Iterator[tuple[int, list[bytes]]], parts: Sequence[bytes], gap_bytes: int) -> _Finds:
    """Offsets in the joined `parts` as indices of them."""
    ends: list[int] | None = None
    for offset, plates in finds:
        ends = ends or list(accumulate(len(part) + gap_bytes for part in parts))
        yield bisect_right(ends, offset), plates
