"""Step 4, matched: the hotlist as one worker holds it, by folded plate. Pure: fed with the messages of the topic.

Entries stay in their framed Avro and are decoded again on a hit: most are never hit, and a decoded one is ten times
the size. A message that is no usable entry is refused and counted; it never stops a worker and never alerts.
"""

from platestream.errors import InvalidMessage
from platestream.metrics import HOTLIST_ENTRIES, HOTLIST_REFUSED
from schemas.codec import Codec
from schemas.messages import HotlistEntry
from schemas.plates import hotlist_key

_SEPARATOR = b"\x1f"


class Hotlist:
    """All entries by folded plate. A message replaces the one before with its key; without a value it removes it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._by_plate: dict[bytes, dict[bytes, bytes]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, folded: bytes) -> bool:
        return folded in self._by_plate

    def entries(self, folded: bytes) -> list[HotlistEntry]:
        """The entries of a folded plate."""
        return [self._codec.decode(value) for value in self._by_plate.get(folded, {}).values()]

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the topic.

        One that is refused also ends the entry that it was meant to replace: compaction will have removed that one for
        a worker that starts later, and two workers must never hold different lists.
        """
        try:
            self._check(key, value)
        except InvalidMessage as refusal:
            HOTLIST_REFUSED.labels(reason=refusal.reason).inc()
            value = None
        if key is not None:
            self._put(key, value)
        HOTLIST_ENTRIES.set(self._count)

    def _check(self, key: bytes | None, value: bytes | None) -> None:
        if key is None or _SEPARATOR not in key:
            raise InvalidMessage("key-unusable", "The key of a hotlist entry is folded plate, 0x1F, entry id.")
        if value is None:
            return
        if self._codec.version_of(value).record != "HotlistEntry":
            raise InvalidMessage("wrong-record", "The message is of another record.")
        entry: HotlistEntry = self._codec.decode(value)
        if hotlist_key(entry.plate, entry.entry_id) != key:
            raise InvalidMessage("key-differs", "The key is not that of the entry's plate and id.")

    def _put(self, key: bytes, value: bytes | None) -> None:
        folded = key.partition(_SEPARATOR)[0]
        listed = self._by_plate.setdefault(folded, {})
        self._count -= key in listed
        if value is None:
            listed.pop(key, None)
        else:
            listed[key] = value
            self._count += 1
        if not listed:
            del self._by_plate[folded]
