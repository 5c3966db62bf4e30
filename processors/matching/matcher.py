"""Step 4, matched: from the bytes of a read to its alerts. Knows neither Kafka nor a clock."""

from datetime import datetime

from platestream.errors import InvalidMessage
from platestream.metrics import HITS, NOT_ALERTED
from processors.matching.alerts import build_alert
from processors.matching.hotlist import Hotlist
from processors.matching.rules import hits_of
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, peek_plate
from schemas.messages import Alert, PlateRead
from schemas.plates import fold_bytes


class Matcher:
    """Compares reads with a hotlist."""

    def __init__(self, codec: Codec, hotlist: Hotlist) -> None:
        self._codec = codec
        self._hotlist = hotlist

    def alerts_of(self, value: bytes | None, now: datetime) -> list[Alert]:
        """The alerts of one framed read, the highest priority first. Only a read whose plate is listed is decoded.

        The plate is peeked from the value and folded here, so that a producer's wrong key costs no alert.
        Raises InvalidMessage when the value is no read.
        """
        if value == ROLL_MARKER:
            return []
        if self._codec.version_of(value).record != "PlateRead":
            raise InvalidMessage("wrong-record", "The message is of another record.")
        assert value is not None  # noqa: S101 - version_of refuses None; this tells mypy
        folded = fold_bytes(peek_plate(value))
        if not folded:
            raise InvalidMessage("plate-missing", "The read has no plate.")
        return self._judge(self._codec.decode(value), folded, now) if folded in self._hotlist else []

    def _judge(self, read: PlateRead, folded: bytes, now: datetime) -> list[Alert]:
        hits, others = hits_of(read, self._hotlist.entries(folded), now)
        for hit in hits:
            HITS.labels(match_kind=hit.match_kind.value).inc()
        for reason in others:
            NOT_ALERTED.labels(reason=reason.value).inc()
        return [build_alert(read, hit, now) for hit in hits]
