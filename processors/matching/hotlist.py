"""Step 4, matched: the hotlist as one worker holds it, by folded plate. Pure: fed with the messages of the topic.

Entries stay in their framed Avro, in a table, and are decoded on a hit: most are never hit, and a decoded one is ten
times the size.
What tells entries apart (plate and entry id, which lead the record) is checked as they come in, the rest on the first
hit. A message that is no usable entry is refused and counted; it never stops a worker and never alerts. FUZZY and
PARTIAL entries are held apart, decoded, in `wider`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from platestream.errors import InvalidMessage
from platestream.metrics import HOTLIST_ENTRIES, HOTLIST_REFUSED
from platestream.settings import MatchingSettings
from processors.matching.plain import SEPARATOR, others_than_plain
from processors.matching.table import MOST_BYTES, PlateTable
from processors.matching.wider import WiderEntries
from schemas.codec import Codec
from schemas.messages import HotlistEntry
from schemas.plates import hotlist_key
from streams.chunks.plates import ids_of
from streams.chunks.records import Record, Records, records_of_values
from streams.hotlists.kinds import WIDER_KINDS


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
        self._read_ids = ids_of(read_ids)
        self.wider = WiderEntries(settings, read_ids)
        self._table = PlateTable(self._wire_ids)

    def __len__(self) -> int:
        return len(self._table) + len(self.wider)

    def __contains__(self, folded: bytes) -> bool:
        return folded in self._table

    def select(self, records: Records) -> list[Selected]:
        """Those of `records` (reads) that must be decoded, in order. Never raises.

        A plate is peeked from the value and folded, so that a producer's wrong key costs no alert. A value that does
        not begin as a read of a known version, with a plate of usable length, is selected, so that it is looked at.
        """
        wider = self.wider.select(records)
        listed = self._table.listed(records, self._read_ids)
        return [Selected(records[number], wider.get(number, ())) for number in sorted({*listed, *wider})]

    def entries(self, folded: bytes) -> list[HotlistEntry]:
        """EXACT and FOLDED entries of a folded plate. One that turns out to be unusable is refused and forgotten."""
        found = []
        for entry_id, value in self._table.values(folded):
            try:
                found.append(self._codec.decode(value))
            except InvalidMessage as refusal:
                _count_refused(refusal)
                self._table.remove(folded, entry_id)
        return found

    def apply_all(self, records: Records) -> None:
        """Take messages of the topic. Most can be told at sight, and a worker that starts waits for ten million."""
        start = 0
        for number in (*others_than_plain(records, self._wire_ids), len(records)):
            plain = records.part(start, number)
            self._table.put_all(plain)
            self.wider.replace(plain, self._wire_ids)
            if number < len(records):
                self.apply(records[number].key, records[number].value)
            start = number + 1
        HOTLIST_ENTRIES.set(len(self))

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
            self._table.remove(folded, entry_id)
        else:
            self._table.put_all(records_of_values([self._codec.encode(entry)]))  # anew: as the table has to find it
        HOTLIST_ENTRIES.set(len(self))

    def _check(self, key: bytes | None, value: bytes | None) -> HotlistEntry | None:
        if key is None or SEPARATOR not in key:
            raise InvalidMessage("key-unusable", "The key of a hotlist entry is folded plate, 0x1F, entry id.")
        if value is None:
            return None
        if len(value) > MOST_BYTES:
            raise InvalidMessage("too-large", f"A hotlist entry has at most {MOST_BYTES} bytes.")
        if self._codec.version_of(value).record != "HotlistEntry":
            raise InvalidMessage("wrong-record", "The message is of another record.")
        entry: HotlistEntry = self._codec.decode(value)
        if hotlist_key(entry.plate, entry.entry_id) != key:
            raise InvalidMessage("key-differs", "The key is not that of the entry's plate and id.")
        return entry


def _count_refused(refusal: InvalidMessage) -> None:
    HOTLIST_REFUSED.labels(reason=refusal.reason).inc()
