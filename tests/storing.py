"""Reads, pictures and Kafka messages for the tests of the sinks: sensible unless told otherwise."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from PIL import Image

from platestream.clock import from_ms, to_ms
from schemas.codec import Codec
from schemas.messages import (
    Alert,
    Candidate,
    MatchKind,
    Picture,
    PictureKind,
    PictureReference,
    PlateRead,
    StateVerdict,
)
from schemas.plates import alert_id, fold, read_id
from schemas.versions import newest
from sinks.clickhouse.questions import OfPlates, Question
from sinks.clickhouse.sink import READS as READS_TABLE
from sinks.clickhouse.splice import columns, container, splice
from sinks.clickhouse.store import Store
from sinks.taken import Taken
from streams.chunks.records import records_of_values
from tests.chunks import records_with

NOW = from_ms(to_ms(datetime.now(UTC)))  # ClickHouse's own clock runs the TTL, so tests of it live in the present

PLATES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
SCORES = st.none() | st.floats(0, 1, width=32)
SINCE_1970 = st.integers(0, 4_102_444_800_000).map(from_ms)
PICTURE_REFERENCES = st.builds(
    PictureReference, sha256=st.binary(min_size=32, max_size=32), kind=st.sampled_from(PictureKind)
)
READS = st.builds(
    PlateRead,
    plate=PLATES,
    collected_at=SINCE_1970,
    read_id=st.uuids(),
    state=st.none() | st.sampled_from(["MN", "WI", "IA"]),
    device_id=NAMES,
    received_at=SINCE_1970,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    confidence=SCORES,
    candidates=st.lists(st.builds(Candidate, plate=PLATES, confidence=SCORES), max_size=4).map(tuple),
    pictures=st.lists(PICTURE_REFERENCES, max_size=3).map(tuple),
)


def of_plate(plate: str, start: datetime, end: datetime, limit: int = 10_000) -> Question:
    """Reads of a plate in any spelling that folds to the same."""
    about = OfPlates(folded_plates=(fold(plate),))
    return Question(about=about, collected_from=start, collected_until=end, row_limit=limit)


def taken_of(*values: bytes | None, partition: int = 0) -> Taken:
    """Values as an intake gives them, from offset 0 of one partition on."""
    return Taken("a-topic", partition, records_with(values), len(values) - 1)


def messages_of(codec: Codec, *records: Any) -> Taken:
    """Records as an intake gives them, one after the other on one partition."""
    return taken_of(*map(codec.encode, records))


def insert_reads(store: Store, codec: Codec, *reads: PlateRead) -> None:
    """As the sink does, but for what it leaves out."""
    version, records = newest("PlateRead"), records_of_values([codec.encode(read) for read in reads])
    store.insert_avro(READS_TABLE.landing, columns(version), container(version, [splice(records)]))


def a_read(event: int | str = 1, *, plate: str = "ABC123", **fields: Any) -> PlateRead:
    """A read of an hour ago; `event` makes its id."""
    return PlateRead(
        **{
            "plate": plate,
            "collected_at": NOW - timedelta(hours=1),
            "read_id": read_id("gate-1", str(event)),
            "state": "MN",
            "device_id": "gate-1",
            "received_at": NOW,
            "latitude": 44.95,
            "longitude": -93.09,
            "confidence": 0.5,
            "candidates": (Candidate(plate="A8C123", confidence=0.25),),
            "pictures": (PictureReference(sha256=bytes(range(32)), kind=PictureKind.VEHICLE),),
            **fields,
        }
    )


def an_image(seed: object = 1, format_: str = "JPEG", side: int = 16) -> bytes:
    """A small picture; each seed gives another."""
    pixels = hashlib.shake_256(repr(seed).encode()).digest(side * side)
    file = io.BytesIO()
    Image.frombytes("L", (side, side), pixels).save(file, format_)
    return file.getvalue()


def an_alert(event: int | str = 1, **fields: Any) -> Alert:
    """The alert that the read of the same event raised."""
    read = a_read(event)
    return Alert(
        **{
            **vars(read),
            "alert_id": alert_id(read.read_id, "stolen:1"),
            "entry_id": "stolen:1",
            "raised_at": NOW,
            "match_kind": MatchKind.FOLDED,
            "state_verdict": StateVerdict.AGREES,
            "priority": 2,
            "notice": "An indication, to be verified by a person.",
            "list_plate": read.plate,
            "list_state": "MN",
            "source": "stolen",
            "category": "STOLEN_VEHICLE",
            "case_number": "26-000042",
            "extracted_at": NOW,
            **fields,
        }
    )


def a_picture(event: int | str = 1, *, content: bytes | None = None, **fields: Any) -> Picture:
    """The plate picture of the read of the same event."""
    content = an_image(event) if content is None else content
    return Picture(
        **{
            "plate": "ABC123",
            "collected_at": NOW - timedelta(hours=1),
            "read_id": read_id("gate-1", str(event)),
            "kind": PictureKind.PLATE,
            "sha256": hashlib.sha256(content).digest(),
            "content": content,
            **fields,
        }
    )
