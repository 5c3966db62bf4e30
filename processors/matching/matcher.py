"""Step 4, matched: from the bytes of a read to its alerts. Knows neither Kafka nor a clock.

A read whose day is destroyed before its alerts would leave their topic raises none, whatever its entries say: by
default one that is matched 52 days and more after it was collected. It is stored, and found by searches.
"""

from collections.abc import Iterable
from datetime import datetime

from platestream.errors import InvalidMessage
from platestream.metrics import HITS, NOT_ALERTED
from platestream.retention import leaves_topic_in_time
from platestream.settings import MatchingSettings
from processors.matching.alerts import build_alert
from processors.matching.hotlist import Hotlist
from processors.matching.rules import hits_of
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, peek_plate
from schemas.messages import Alert, HotlistEntry, MatchKind, PlateRead
from schemas.plates import fold, fold_bytes
from schemas.topics import topics
from streams.suppressions.holder import Suppressions

_HITS = {kind: HITS.labels(match_kind=kind.value) for kind in MatchKind}
_TOO_LATE = "too-late"  # beside the reasons of rules.NotAlerted: of the read, not of an entry


class Matcher:
    """Compares reads with a hotlist."""

    def __init__(
        self,
        codec: Codec,
        hotlist: Hotlist,
        suppressed: Suppressions,
        settings: MatchingSettings,
        retention_days: int = 60,
    ) -> None:
        self._codec, self._hotlist, self._suppressed, self._settings = codec, hotlist, suppressed, settings
        self.retention_days = retention_days
        self._kept_for = topics()["alerts"].kept_for

    def alerts_of(self, value: bytes | None, now: datetime, wider_keys: Iterable[bytes] = ()) -> list[Alert]:
        """The alerts of one framed read, the highest priority first. Only a read whose plate is listed is decoded.

        `wider_keys` are those of the FUZZY and PARTIAL entries that it may mean (`Hotlist.select`). The plate is peeked
        from the value and folded here, so that a producer's wrong key costs no alert. Raises InvalidMessage when the
        value is no read.
        """
        if value == ROLL_MARKER:
            return []
        if self._codec.version_of(value).record != "PlateRead":
            raise InvalidMessage("wrong-record", "The message is of another record.")
        assert value is not None  # noqa: S101 - version_of refuses None; this tells mypy
        folded = fold_bytes(peek_plate(value))
        if not folded:
            raise InvalidMessage("plate-missing", "The read has no plate.")
        entries = self._entries(folded, wider_keys)
        return self._judge(self._codec.decode(value), entries, now) if entries else []

    def _entries(self, folded: bytes, wider_keys: Iterable[bytes]) -> list[HotlistEntry]:
        """Entries that may alert: a suppressed plate is as one that is not listed. Keeps: retention.suppressed"""
        if folded in self._suppressed:
            return []
        wider = [entry for key in wider_keys if (entry := self._hotlist.wider.entry(key))]
        listed = self._hotlist.entries(folded)
        return [entry for entry in (*listed, *wider) if fold(entry.plate).encode() not in self._suppressed]

    def _judge(self, read: PlateRead, entries: list[HotlistEntry], now: datetime) -> list[Alert]:
        if not leaves_topic_in_time(read.collected_at, now, self._kept_for, self.retention_days):
            NOT_ALERTED.labels(reason=_TOO_LATE).inc(len(entries))
            return []
        hits, others = hits_of(read, entries, now, self._settings)
        for hit in hits:
            _HITS[hit.match_kind].inc()
        for reason in others:
            NOT_ALERTED.labels(reason=reason.value).inc()
        return [build_alert(read, hit, now) for hit in hits]
