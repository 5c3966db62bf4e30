"""From the body a reader posted to records for the spool: adapter, clock, retention, pictures, identity (step 1).

Everything here happens before anything is written. Keeps: collection.closed
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic_core import from_json

from platestream.errors import InvalidMessage
from platestream.metrics import FIELDS_DROPPED, PICTURES_REFUSED, READS_HEARD
from platestream.retention import first_kept
from schemas.codec import Codec
from schemas.messages import Heartbeat, Picture, PictureKind, PictureReference, PlateRead
from schemas.plates import fold, read_id
from streams.devices.adapters import ADAPTERS
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.seen import SeenRead
from streams.devices.clocks import check_not_ahead
from streams.devices.pictures import clean_picture
from streams.devices.registry import Device
from streams.devices.spool import Record
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotJson(InvalidMessage):
    """The body is not UTF-8 JSON."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What one message came to. `records` go into the spool together."""

    records: tuple[Record, ...] = ()
    read_ids: tuple[str, ...] = ()
    pictures: int = 0
    pictures_refused: tuple[str, ...] = ()
    overdue: int = 0
    suspended: int = 0
    is_heartbeat: bool = False

    @property
    def outcome(self) -> str:
        """For MESSAGES_HEARD: accepted, heartbeat, suspended, overdue or no-plate."""
        if self.read_ids:
            return "accepted"
        if self.is_heartbeat:
            return "heartbeat"
        if self.suspended:
            return "suspended"
        return "overdue" if self.overdue else "no-plate"


class Intake:
    """Pictures of at most `max_picture_bytes`; reads whose day is due after `retention_days` are not kept at all.

    While use is suspended no read is kept, and none that was collected in that time is kept later.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        max_picture_bytes: int,
        retention_days: int,
        suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
    ) -> None:
        self._codec = codec
        self._max_picture_bytes = max_picture_bytes
        self._retention_days = retention_days
        self._suspensions = suspensions

    def take(self, body: bytes, device: Device, received_at: datetime) -> Accepted:
        """Raises NotJson when the body is not JSON, InvalidMessage when what it says cannot be taken."""
        message = Fields(_parse(body))
        taken = ADAPTERS[device.vendor](message, device, received_at)
        FIELDS_DROPPED.inc(message.dropped())
        if taken.heartbeat:
            return Accepted(records=(self._heartbeat(taken.heartbeat),), is_heartbeat=True)
        for read in taken.reads:
            check_not_ahead(read.collected_at, received_at)
        lawful = self._lawful(taken.reads)
        due = [read for read in lawful if not self._is_overdue(read, received_at)]
        READS_HEARD.inc(len(due))
        accepted = self._accept(due, device, received_at, overdue=len(lawful) - len(due))
        return replace(accepted, suspended=len(taken.reads) - len(lawful))

    def _accept(self, reads: list[SeenRead], device: Device, received_at: datetime, *, overdue: int) -> Accepted:
        records: list[Record] = []
        read_ids, refused = [], []
        for seen in reads:
            contents, reasons = self._clean(seen)
            read = _plate_read(seen, contents, device, received_at)
            records.append(self._record("plate-reads", fold(read.plate), read))
            records += [
                self._record("plate-pictures", str(read.read_id), _picture(read, reference, content))
                for reference, content in zip(read.pictures, contents.values(), strict=True)
            ]
            read_ids.append(str(read.read_id))
            refused += reasons
        return Accepted(
            records=tuple(records),
            read_ids=tuple(read_ids),
            pictures=len(records) - len(reads),
            pictures_refused=tuple(refused),
            overdue=overdue,
        )

    def _lawful(self, reads: Sequence[SeenRead]) -> list[SeenRead]:
        """None while use is suspended, and none that was collected in such a time. Keeps: suspension.order"""
        suspensions = self._suspensions()
        return [read for read in reads if not (suspensions.is_in_force or suspensions.covers(read.collected_at))]

    def _is_overdue(self, read: SeenRead, now: datetime) -> bool:
        """Such a read is never written anywhere. Keeps: retention.sixty-days"""
        return read.collected_at < first_kept(now, self._retention_days)

    def _clean(self, read: SeenRead) -> tuple[dict[PictureKind, bytes], list[str]]:
        """Pictures by kind, and why others were refused: a bad picture does not lose the read."""
        contents: dict[PictureKind, bytes] = {}
        reasons = []
        for kind, sent in read.pictures:
            try:
                contents[kind] = clean_picture(sent, self._max_picture_bytes)
            except InvalidMessage as error:
                PICTURES_REFUSED.labels(error.reason).inc()
                reasons.append(error.reason)
        return contents, reasons

    def _record(self, topic: str, key: str, message: PlateRead | Picture) -> Record:
        return Record(
            topic=topic, key=key.encode(), value=self._codec.encode(message), collected_at=message.collected_at
        )

    def _heartbeat(self, heartbeat: Heartbeat) -> Record:
        return Record(topic="device-health", key=heartbeat.device_id.encode(), value=self._codec.encode(heartbeat))


def _parse(body: bytes) -> object:
    try:
        return from_json(body.removeprefix(_BYTE_ORDER_MARK), allow_inf_nan=False, cache_strings="none")
    except ValueError:  # also for a depth no reader needs; its text may quote the body
        raise NotJson("malformed", "The body is not JSON in UTF-8.") from None


def _plate_read(seen: SeenRead, contents: dict[PictureKind, bytes], device: Device, received_at: datetime) -> PlateRead:
    return PlateRead(
        plate=seen.plate,
        collected_at=seen.collected_at,
        read_id=read_id(device.id, seen.event_id),
        state=seen.state,
        device_id=device.id,
        received_at=received_at,
        latitude=seen.latitude,
        longitude=seen.longitude,
        confidence=seen.confidence,
        candidates=seen.candidates,
        pictures=tuple(
            PictureReference(sha256=hashlib.sha256(content).digest(), kind=kind) for kind, content in contents.items()
        ),
    )


def _picture(read: PlateRead, reference: PictureReference, content: bytes) -> Picture:
    return Picture(
        plate=read.plate,
        collected_at=read.collected_at,
        read_id=read.read_id,
        kind=reference.kind,
        sha256=reference.sha256,
        content=content,
    )
