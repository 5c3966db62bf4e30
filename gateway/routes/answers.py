"""What a search is answered with, as JSON or as a CSV file: each read with its notice and its destroy-by date."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.tables import csv_line
from platestream.retention import destroyed_at
from sinks.clickhouse.reads import StoredPicture, StoredRead

NOTICE = (
    "CONFIDENTIAL. Licence-plate reader data are private or nonpublic under Minn. Stat. 13.824. Use them only for the "
    "purpose on record, share them only as the statute allows and with this notice, and destroy every copy by its "
    "destroy-by date unless it is part of an active criminal investigation."
)


class FoundPicture(BaseModel):
    """A picture of a read, by the SHA-256 of its bytes, and where it can be had for a while by who asked."""

    sha256: str
    kind: str
    link: Annotated[str, Field(description="address on this gateway; each use is logged")]


class FoundRow(BaseModel):
    """One read, with the date by which every copy of it must be destroyed."""

    read_id: UUID
    plate: Annotated[str, Field(repr=False)]
    state: str | None
    collected_at: datetime
    received_at: datetime
    device_id: str
    latitude: float
    longitude: float
    confidence: float | None
    classification: str
    destroy_by: date
    pictures: list[FoundPicture]


class StepShown(BaseModel):
    """What one rule said of the search."""

    rule: str
    is_allowed: bool
    sentence: str


class SearchAnswer(BaseModel):
    """The reads that were found, newest first. Keeps: classification.private, share.notice"""

    search_id: UUID
    notice: str = NOTICE
    row_count: int
    is_truncated: bool
    cursor: Annotated[str | None, Field(repr=False, description="when there is more: asks for it")] = None
    rows: list[FoundRow]
    steps: Annotated[list[StepShown] | None, Field(description="with explain=1: what each rule said")] = None


def found_row(read: StoredRead, retention_days: int, link: Callable[[StoredRead, StoredPicture], str]) -> FoundRow:
    """A stored read as it is told; `link` gives the address of a picture."""
    return FoundRow(
        read_id=read.read_id,
        plate=read.plate,
        state=read.state,
        collected_at=read.collected_at,
        received_at=read.received_at,
        device_id=read.device_id,
        latitude=read.latitude,
        longitude=read.longitude,
        confidence=read.confidence and round(read.confidence, 6),  # kept in 32 bits
        classification=read.classification,
        destroy_by=destroyed_at(read.collected_at, retention_days).date(),
        pictures=[
            FoundPicture(sha256=picture.sha256.hex(), kind=picture.kind, link=link(read, picture))
            for picture in read.pictures
        ],
    )


def as_csv(answer: SearchAnswer) -> str:
    """The same as a table: the notice, the names of the columns, a line a read. Keeps: share.notice"""
    names = list(FoundRow.model_fields)
    lines = [csv_line([answer.notice]), csv_line(names)]
    for row in answer.rows:
        cells = row.model_dump(mode="json") | {"pictures": " ".join(picture.link for picture in row.pictures)}
        lines.append(csv_line(cells[name] for name in names))
    return "".join(lines)
