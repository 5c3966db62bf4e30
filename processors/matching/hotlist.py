"""Step 4, matched: the hotlist as one worker holds it, by folded plate. Pure: fed with the messages of the topic.

Entries stay in their framed Avro and are decoded on a hit: most are never hit, and a decoded one is ten times the size.
What tells entries apart (plate and entry id, which lead the record) is checked as they come in, the rest on the first
hit. A message that is no usable entry is refused and counted; it never stops a worker and never alerts. FUZZY and
PARTIAL entries are held apart, decoded, in `wider`.

Millions of entries are held, so `_single` holds bytes and nothing else: Python's garbage collector passes over such a
dictionary, but would walk through one that holds containers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import Any

from platestream.errors import InvalidMessage
from platestream.metrics import HOTLIST_ENTRIES, HOTLIST_REFUSED
from platestream.settings import MatchingSettings
from processors.matching.wider import WiderEntries
from schemas.codec import Codec
from schemas.framing import PLATE_PLACE_BYTES, plate_places
from schemas.messages import HotlistEntry
from schemas.plates import FOLDING, hotlist_key
from streams.hotlists.kinds import WIDER_KINDS

_SEPARATOR = b"\x1f"
_WIDER_BYTE = 4  # Avro's of FUZZY, the third match kind; PARTIAL follows
_NOWHERE = slice(0, 0)
_SEVERAL = b""
_LEAST_BYTES = 28  # what is shorter may end within the id, and is looked at closely


@dataclass(frozen=True)
class Selected:
    """A record that must be decoded: its plate is listed, or it does not begin as a read does.

    `wider_keys` are those of FUZZY and PARTIAL entries that it may mean.
    """

    record: Any
    wider_keys: Sequence[bytes] = ()


class Hotlist:
    """All entries by folded plate. A message replaces the one before with its key; without a value it removes it."""

    def __init__(self, codec: Codec, settings: MatchingSettings) -> None:
        self._codec = codec
        self.wider = WiderEntries(settings)
        self._places_in_reads = plate_places(codec.wire_ids("PlateRead"))
        self._places_in_entries = plate_places(codec.wire_ids("HotlistEntry"))
        # the entry of a plate, or _SEVERAL; no plate counts as listed, so that reads without one are selected
        self._single: dict[bytes, bytes] = {b"": _SEVERAL}
        self._several: dict[bytes, dict[bytes, bytes]] = {b"": {}}  # by plate, then by entry id
        self._count = 0

    def __len__(self) -> int:
        return self._count + len(self.wider)

    def __contains__(self, folded: bytes) -> bool:
        return folded in self._single and folded != b""

    def select(self, records: Sequence[Any]) -> list[Selected]:
        """Those of `records` (aiokafka's, with reads as values) that must be decoded, in order. Never raises.

        A plate is peeked from the value and folded, so that a producer's wrong key costs no alert. A value that does
        not begin as a read of a known version, with a plate of usable length, is selected, so that it is looked at.
        """
        places, (fold, separators) = self._places_in_reads, FOLDING
        values = [record.value or b"" for record in records]
        plates = [
            value[places.get(value[:PLATE_PLACE_BYTES], _NOWHERE)].translate(fold, separators) for value in values
        ]
        listed = compress(count(), map(self._single.__contains__, plates))
        if not self.wider:
            return [Selected(records[index]) for index in listed]
        wider = self.wider.select(plates, values)
        return [Selected(records[index], wider.get(index, ())) for index in sorted({*listed, *wider})]

    def entries(self, folded: bytes) -> list[HotlistEntry]:
        """EXACT and FOLDED entries of a folded plate. One that turns out to be unusable is refused and forgotten."""
        found = []
        for value in self._values(folded):
            try:
                found.append(self._codec.decode(value))
            except InvalidMessage as refusal:
                _count_refused(refusal)
                self._remove(folded, self._peek_id(value))
        return found

    def apply_all(self, records: Iterable[Any]) -> None:
        """Take messages of the topic, as aiokafka's records.

        Written out, without calls for those whose id can be told at sight: a worker that starts waits for ten million.
        """
        single, places, (fold, separators) = self._single, self._places_in_entries, FOLDING
        wider = self.wider.entries
        for record in records:
            key, value = record.key, record.value
            if value and len(value) > _LEAST_BYTES and (place := places.get(value[:PLATE_PLACE_BYTES])):
                id_at = place.stop + 2
                folded = value[place].translate(fold, separators)
                if (
                    folded
                    and value[place.stop] < _WIDER_BYTE
                    and key == folded + _SEPARATOR + value[id_at : id_at + (value[id_at - 1] >> 1)]
                ):
                    if single.setdefault(folded, value) is value:
                        self._count += 1
                    else:
                        self._put(folded, key.partition(_SEPARATOR)[2], value)
                    if key in wider:
                        self.wider.remove(key)
                    continue
            self.apply(key, value)
        HOTLIST_ENTRIES.set(len(self))

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the topic, looked at closely: a tombstone, or what cannot be told apart at sight.

        One that is refused also ends the entry that it was meant to replace: compaction will have removed that one for
        a worker that starts later, and two workers must never hold different lists.
        """
        folded, _, entry_id = (key or b"").partition(_SEPARATOR)
        self.wider.remove(key or b"")
        try:
            entry = self._check(key, value)
            if key is not None and entry is not None and entry.match_kind in WIDER_KINDS:
                self.wider.put(key, entry)
                entry = None
        except InvalidMessage as refusal:
            _count_refused(refusal)
            entry = None
        if entry is None:
            self._remove(folded, entry_id)
        else:
            self._put(folded, entry_id, self._codec.encode(entry))  # so that its id can be peeked
        HOTLIST_ENTRIES.set(len(self))

    def _check(self, key: bytes | None, value: bytes | None) -> HotlistEntry | None:
        if key is None or _SEPARATOR not in key:
            raise InvalidMessage("key-unusable", "The key of a hotlist entry is folded plate, 0x1F, entry id.")
        if value is None:
            return None
        if self._codec.version_of(value).record != "HotlistEntry":
            raise InvalidMessage("wrong-record", "The message is of another record.")
        entry: HotlistEntry = self._codec.decode(value)
        if hotlist_key(entry.plate, entry.entry_id) != key:
            raise InvalidMessage("key-differs", "The key is not that of the entry's plate and id.")
        return entry

    def _values(self, folded: bytes) -> list[bytes]:
        held = self._single.get(folded)
        return [] if held is None else [held] if held else list(self._several[folded].values())

    def _put(self, folded: bytes, entry_id: bytes, value: bytes) -> None:
        held = self._single.get(folded)
        if held is None:
            self._single[folded] = value
        elif held:
            held_id = self._peek_id(held)
            if held_id == entry_id:
                self._single[folded] = value
                return
            self._single[folded], self._several[folded] = _SEVERAL, {held_id: held, entry_id: value}
        else:
            self._count -= entry_id in self._several[folded]
            self._several[folded][entry_id] = value
        self._count += 1

    def _remove(self, folded: bytes, entry_id: bytes) -> None:
        held = self._single.get(folded)
        if held and self._peek_id(held) == entry_id:
            del self._single[folded]
            self._count -= 1
        elif held == _SEVERAL and entry_id in self._several[folded]:
            del self._several[folded][entry_id]
            self._count -= 1
            if len(self._several[folded]) == 1:
                [self._single[folded]] = self._several.pop(folded).values()

    def _peek_id(self, value: bytes) -> bytes:
        return _peek_id(value, self._places_in_entries[value[:PLATE_PLACE_BYTES]].stop)


def _peek_id(value: bytes, plate_end: int) -> bytes:
    """The entry id: behind the plate are one byte of match kind, a length of one or two bytes, the id."""
    at = plate_end + 2
    length = value[at - 1]
    if length & 0x80:
        length = length & 0x7F | value[at] << 7
        at += 1
    return value[at : at + (length >> 1)]


def _count_refused(refusal: InvalidMessage) -> None:
    HOTLIST_REFUSED.labels(reason=refusal.reason).inc()
