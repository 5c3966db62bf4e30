"""Step 4, matched: the hotlist as one worker holds it, by folded plate. Pure: fed with the messages of the topic.

Entries stay in their framed Avro and are decoded on a hit: most are never hit, and a decoded one is ten times the size.
What tells entries apart (plate and entry id, which lead the record) is checked as they come in, the rest on the first
hit. A message that is no usable entry is refused and counted; it never stops a worker and never alerts. FUZZY and
PARTIAL entries are held apart, decoded, in `wider`.

Millions of entries are held, so `_single` holds bytes and nothing else: Python's garbage collector passes over such a
dictionary, but would walk through one that holds containers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from platestream.errors import InvalidMessage
from platestream.metrics import HOTLIST_ENTRIES, HOTLIST_REFUSED
from platestream.settings import MatchingSettings
from processors.matching.plain import SEPARATOR, others_than_plain
from processors.matching.sieve import Sieve, folded_lines
from processors.matching.wider import WiderEntries
from schemas.codec import Codec
from schemas.framing import PLATE_PLACE_BYTES, plate_places
from schemas.messages import HotlistEntry
from schemas.plates import hotlist_key
from streams.hotlists.kinds import WIDER_KINDS
from streams.workers.records import VALUE, VALUE_END, Record, Records

_SEVERAL = b""


@dataclass(frozen=True)
class Selected:
    """A record that must be decoded: its plate is listed, or it does not begin as a read does.

    `wider_keys` are those of FUZZY and PARTIAL entries that it may mean.
    """

    record: Record
    wider_keys: Sequence[bytes] = ()


class Hotlist:
    """All entries by folded plate. A message replaces the one before with its key; without a value it removes it."""

    def __init__(self, codec: Codec, settings: MatchingSettings) -> None:
        self._codec = codec
        self._wire_ids, read_ids = codec.wire_ids("HotlistEntry"), codec.wire_ids("PlateRead")
        self.wider = WiderEntries(settings, read_ids)
        self._places_in_entries = plate_places(self._wire_ids)
        # the entry of a plate, or _SEVERAL; no plate counts as listed, so that reads without one are selected
        self._single: dict[bytes, bytes] = {b"": _SEVERAL}
        self._several: dict[bytes, dict[bytes, bytes]] = {b"": {}}  # by plate, then by entry id
        self._sieve = Sieve(self._single, read_ids)
        self._count = 0

    def __len__(self) -> int:
        return self._count + len(self.wider)

    def __contains__(self, folded: bytes) -> bool:
        return folded in self._single and folded != b""

    def select(self, records: Records) -> list[Selected]:
        """Those of `records` (reads) that must be decoded, in order. Never raises.

        A plate is peeked from the value and folded, so that a producer's wrong key costs no alert. A value that does
        not begin as a read of a known version, with a plate of usable length, is selected, so that it is looked at.
        """
        wider = self.wider.select(records)
        listed = {number for number, plate in self._sieve.passed(records) if plate in self._single}
        return [Selected(records[number], wider.get(number, ())) for number in sorted(listed | wider.keys())]

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

    def apply_all(self, records: Records) -> None:
        """Take messages of the topic. Most can be told at sight, and a worker that starts waits for ten million."""
        start = 0
        for number in (*others_than_plain(records, self._wire_ids), len(records)):
            self._put_plain(records.part(start, number))
            if number < len(records):
                self.apply(records[number].key, records[number].value)
            start = number + 1
        HOTLIST_ENTRIES.set(len(self))

    def _put_plain(self, records: Records) -> None:
        if not len(records):
            return
        text, line_ends = folded_lines(records, self._wire_ids)
        ends, content, single, before = line_ends.tolist(), records.content, self._single, len(self._single)
        plates = [text[start : end - 1] for start, end in zip([0, *ends], ends, strict=False)]
        values = [content[start:end] for start, end in records.places[:, VALUE : VALUE_END + 1].tolist()]
        for plate, value in zip(plates, values, strict=True):
            if single.setdefault(plate, value) is not value:
                self._put(plate, self._peek_id(value), value)
        self._count += len(single) - before
        self._sieve.add(plates)
        if self.wider:
            for record in records:
                self.wider.remove(record.key or b"")

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the topic, looked at closely: a tombstone, or what cannot be told apart at sight.

        One that is refused also ends the entry that it was meant to replace: compaction will have removed that one for
        a worker that starts later, and two workers must never hold different lists.
        """
        folded, _, entry_id = (key or b"").partition(SEPARATOR)
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
        if key is None or SEPARATOR not in key:
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
            self._sieve.add((folded,))
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
