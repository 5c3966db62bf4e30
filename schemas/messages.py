"""The newest version of each Avro record as a frozen dataclass, checked when built.

Hot paths do not come through here: they peek (schemas/framing.py) or splice (sinks/clickhouse).
Field names and order are those of schemas/records/*/N.avsc, which hold the units. All times are aware UTC.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.plates import MAX_PLATE_LENGTH

T = TypeVar("T")

_CHECKED = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64", hide_input_in_errors=True)

Plate = Annotated[str, Field(pattern=rf"^[A-Z0-9]{{1,{MAX_PLATE_LENGTH}}}$")]
ListedPlate = Annotated[str, Field(pattern=rf"^[A-Z0-9?*]{{1,{MAX_PLATE_LENGTH}}}$")]
State = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Priority = Annotated[int, Field(ge=1, le=5)]
Sha256 = Annotated[bytes, Field(min_length=32, max_length=32)]
Offset = Annotated[int, Field(ge=0)]
Seconds = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=0, lt=MAX_PLATE_LENGTH)]


class PictureKind(StrEnum):
    PLATE = "PLATE"
    VEHICLE = "VEHICLE"
    SURROUNDINGS = "SURROUNDINGS"


class MatchKind(StrEnum):
    EXACT = "EXACT"
    FOLDED = "FOLDED"
    FUZZY = "FUZZY"
    PARTIAL = "PARTIAL"


class LawfulSource(StrEnum):
    STATE_FILE = "STATE_FILE"
    ACTIVE_INVESTIGATION = "ACTIVE_INVESTIGATION"
    UNSTATED = "UNSTATED"


class AlertStatus(StrEnum):
    UNVERIFIED = "UNVERIFIED"


class StateVerdict(StrEnum):
    AGREES = "AGREES"
    UNKNOWN = "UNKNOWN"


class Outcome(StrEnum):
    RECORD_CURRENT = "RECORD_CURRENT"
    MISREAD = "MISREAD"
    RECORD_NOT_CURRENT = "RECORD_NOT_CURRENT"


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Candidate:
    plate: Plate = Field(repr=False)
    confidence: Confidence | None = None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class PictureReference:
    sha256: Sha256
    kind: PictureKind


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class PlateRead:
    """Only plate, time, place and pictures. Keeps: collection.closed"""

    plate: Plate = Field(repr=False)
    collected_at: AwareDatetime
    read_id: UUID
    state: State | None = None
    device_id: Name
    received_at: AwareDatetime
    latitude: Latitude
    longitude: Longitude
    confidence: Confidence | None = None
    candidates: tuple[Candidate, ...] = ()
    pictures: tuple[PictureReference, ...] = ()


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Picture:
    plate: Plate = Field(repr=False)
    collected_at: AwareDatetime
    read_id: UUID
    kind: PictureKind
    sha256: Sha256
    content: bytes = Field(repr=False)


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class HotlistEntry:
    """The wildcards ? and * are for PARTIAL entries."""

    plate: ListedPlate = Field(repr=False)
    match_kind: MatchKind
    entry_id: Name
    state: State | None = None
    source: Name
    lawful_source: LawfulSource
    case_number: Name | None = None
    category: Name
    priority: Priority
    effective_at: AwareDatetime
    expires_at: AwareDatetime
    extracted_at: AwareDatetime
    stale_after_seconds: Seconds | None = None
    dropped_after_seconds: Seconds | None = None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Alert:
    """An indication, never more. (alert_id, sighting) identifies the message."""

    plate: Plate = Field(repr=False)
    collected_at: AwareDatetime
    alert_id: UUID
    read_id: UUID
    entry_id: Name
    raised_at: AwareDatetime
    status: AlertStatus = AlertStatus.UNVERIFIED
    match_kind: MatchKind
    state_verdict: StateVerdict
    priority: Priority
    notice: Name
    state: State | None = None
    device_id: Name
    received_at: AwareDatetime
    latitude: Latitude
    longitude: Longitude
    confidence: Confidence | None = None
    candidates: tuple[Candidate, ...] = ()
    pictures: tuple[PictureReference, ...] = ()
    list_plate: ListedPlate = Field(repr=False)
    list_state: State | None = None
    source: Name
    category: Name
    case_number: Name | None = None
    extracted_at: AwareDatetime
    differing_positions: tuple[Position, ...] = ()
    matched_candidate: Plate | None = Field(default=None, repr=False)
    is_late: bool = False
    is_stale: bool = False
    list_age_seconds: Seconds | None = None
    entry_effective_at: AwareDatetime | None = None
    entry_age_seconds: Seconds | None = None
    passage_started_at: AwareDatetime | None = None
    last_seen_at: AwareDatetime | None = None
    sighting: Annotated[int, Field(ge=1)] = 1
    source_offset: Annotated[int, Field(ge=-1)] = -1


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class AlertOutcome:
    alert_id: UUID
    outcome: Outcome
    verified_by: Name
    verified_at: AwareDatetime
    report_number: Name | None = None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Camera:
    camera_id: Name
    frames_per_second: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    is_streaming: bool | None = None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Heartbeat:
    device_id: Name
    sent_at: AwareDatetime
    received_at: AwareDatetime
    uptime_seconds: Offset | None = None
    disk_used_bytes: Offset | None = None
    disk_quota_bytes: Offset | None = None
    cameras: tuple[Camera, ...] = ()


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class LedgerEvent:
    """`body` is a JSON object whose shape `kind` gives; plates and read ids are only in `sealed`."""

    event_id: UUID
    kind: Name
    at: AwareDatetime
    actor_id: Name
    subject_id: Name
    nonce: Annotated[bytes, Field(min_length=16, max_length=16)]
    body: str = Field(repr=False)
    sealed: tuple[bytes, ...] = Field(default=(), repr=False)
    plate_hash: bytes | None = Field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Suppression:
    encrypted: bytes = Field(repr=False)
    added_at: AwareDatetime


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class DeadLetter:
    reason: Name
    topic: Name
    partition: Offset
    offset: Offset
    at: AwareDatetime
    key: bytes | None = Field(default=None, repr=False)
    value: bytes | None = Field(default=None, repr=False)


RECORDS: dict[str, type[Any]] = {
    record.__name__: record
    for record in (
        PlateRead, Picture, HotlistEntry, Alert, AlertOutcome, Heartbeat, LedgerEvent, Suppression, DeadLetter
    )
}  # fmt: skip


def unchecked(record: type[T], **values: Any) -> T:
    """A message of values that were all checked before, in other messages; all its fields must be given.

    To check an alert again would take a tenth of its hit's time (docs/decisions/0022-memory-and-chunks.md).
    """
    message = object.__new__(record)
    vars(message).update(values)
    return message
