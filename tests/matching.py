"""Reads and hotlist entries for the tests of matching: sensible unless told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from schemas.messages import Alert, HotlistEntry, LawfulSource, MatchKind, PictureKind, PictureReference, PlateRead
from schemas.plates import read_id
from tests.chunks import records_with

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FORBIDDEN_WORDS = ("stop", "arrest", "confirm")


def a_read(plate: str = "ABC123", *, event: str = "1", **fields: Any) -> PlateRead:
    """A Minnesota read of just before NOW; `event` makes the read id."""
    return PlateRead(
        **{
            "plate": plate,
            "collected_at": NOW - timedelta(seconds=1),
            "read_id": read_id("gate-1", event),
            "state": "MN",
            "device_id": "gate-1",
            "received_at": NOW,
            "latitude": 44.95,
            "longitude": -93.09,
            "confidence": 0.5,
            "pictures": (PictureReference(sha256=bytes(32), kind=PictureKind.PLATE),),
            **fields,
        }
    )


def an_entry(plate: str = "ABC123", *, entry_id: str = "e1", **fields: Any) -> HotlistEntry:
    """A FOLDED Minnesota entry of the state's file, in force for a day on both sides of NOW."""
    return HotlistEntry(
        **{
            "plate": plate,
            "match_kind": MatchKind.FOLDED,
            "entry_id": entry_id,
            "state": "MN",
            "source": "state-file",
            "lawful_source": LawfulSource.STATE_FILE,
            "category": "stolen vehicle",
            "priority": 2,
            "effective_at": NOW - timedelta(days=1),
            "expires_at": NOW + timedelta(days=1),
            "extracted_at": NOW - timedelta(hours=1),
            **fields,
        }
    )


def alerts_of(hotlist: Hotlist, matcher: Matcher, value: bytes, now: datetime) -> list[Alert]:
    """The alerts of one framed read as a worker comes to them: selected by its bytes, then judged."""
    selected = hotlist.select(records_with([value]))
    return [alert for one in selected for alert in matcher.alerts_of(value, now, one.wider_keys)]
