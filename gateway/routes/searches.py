"""POST /v1/searches: a plate, a span of time and the purpose in, stored reads with their notice out."""

from datetime import UTC, date, datetime
from typing import Annotated, Self
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from gateway.problems import Problem
from gateway.searches.desk import PlateSearch, SearchDesk
from gateway.searches.plate import Found
from platestream.retention import destroyed_at
from schemas.plates import normalise_plate
from sinks.clickhouse.reads import StoredRead
from streams.ledger.events import SearchRequested
from streams.ledger.purposes import OFFENCES

NOTICE = (
    "CONFIDENTIAL. Licence-plate reader data are private or nonpublic under Minn. Stat. 13.824. Use them only for the "
    "purpose on record, share them only as the statute allows and with this notice, and destroy every copy by its "
    "destroy-by date unless it is part of an active criminal investigation."
)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Words = Annotated[str, Field(max_length=2000)]
Number = Annotated[str, Field(max_length=200)]


class SearchBody(BaseModel):
    """A search. Without a purpose it is refused and that is logged; it is not a mistake of form."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "plate": "ABC123",
                    "collected_from": "2026-03-01T00:00:00Z",
                    "collected_until": "2026-03-08T00:00:00Z",
                    "case_number": "26-012345",
                    "offence_category": "stolen-vehicle",
                    "offence": "theft of a motor vehicle",
                    "reason": "Locate the stolen car of the complainant",
                    "factual_basis": "Owner reported the car stolen from Rice Street on 2 March, keys left inside",
                }
            ]
        },
    )

    plate: Annotated[str, Field(min_length=1, max_length=40, repr=False, description="in any spelling")]
    collected_from: Annotated[AwareDatetime, Field(description="first moment, with its offset from UTC")]
    collected_until: Annotated[AwareDatetime, Field(description="first moment no longer asked for")]
    case_number: Annotated[Number | None, Field(description="case or incident number")] = None
    offence_category: Annotated[Number | None, Field(description="category of the offence: " + ", ".join(OFFENCES))] = (
        None
    )
    offence: Annotated[Number | None, Field(description="the offence in words")] = None
    reason: Annotated[Words | None, Field(description="what the search is for")] = None
    factual_basis: Annotated[Words | None, Field(description="facts that make the read pertinent to the case")] = None
    row_limit: Annotated[int, Field(ge=1, le=10_000, description="most reads wanted")] = 10_000

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if not _EARLIEST <= self.collected_from < self.collected_until <= _LATEST:
            raise ValueError("collected_from must come before collected_until, both within this century")
        return self


class FoundPicture(BaseModel):
    """A picture of a read, by the SHA-256 of its bytes."""

    sha256: str
    kind: str


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
    """The reads that were found. Keeps: classification.private, share.notice"""

    search_id: UUID
    notice: str = NOTICE
    row_count: int
    is_truncated: bool
    rows: list[FoundRow]
    steps: Annotated[list[StepShown] | None, Field(description="with explain=1: what each rule said")] = None


def search_routes(desk: SearchDesk, *, max_rows: int, retention_days: int) -> APIRouter:
    """The routes of searches, answered by a desk."""
    router = APIRouter(tags=["searches"])

    @router.post(
        "/v1/searches", summary="Search stored reads of one plate", response_model=SearchAnswer, responses=_PROBLEMS
    )
    def search(body: SearchBody, request: Request, explain: bool = False) -> Response:
        """Every search is written to the ledger before it is answered, refused ones too. The person is the token's.
        With `explain=1` the answer, or the refusal, says what each rule said.
        """
        asked = _asked(body, max_rows)
        plate = normalise_plate(body.plate)
        answered = desk.ask(PlateSearch(person_id=request.state.person_id, plate=plate, asked=asked))
        answer = _answer(asked.search_id, answered.found, retention_days)
        if explain:
            answer.steps = [StepShown.model_validate(vars(step)) for step in answered.decision.steps]
        return Response(answer.model_dump_json(), media_type="application/json")

    return router


_PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        401: "no valid token",
        403: "refused by the rule that is named; the refusal is logged",
        413: "the body is too large",
        422: "not a search",
        503: "ledger or store is away; nothing was answered",
    }.items()
}


def _asked(body: SearchBody, max_rows: int) -> SearchRequested:
    return SearchRequested(
        search_id=uuid4(),
        case_number=body.case_number,
        offence_category=body.offence_category,
        offence=body.offence,
        reason=body.reason,
        factual_basis=body.factual_basis,
        collected_from=body.collected_from.astimezone(UTC),
        collected_until=body.collected_until.astimezone(UTC),
        row_limit=min(body.row_limit, max_rows),
    )


def _answer(search_id: UUID, found: Found, retention_days: int) -> SearchAnswer:
    return SearchAnswer(
        search_id=search_id,
        row_count=len(found.reads),
        is_truncated=found.is_truncated,
        rows=[_row(read, retention_days) for read in found.reads],
    )


def _row(read: StoredRead, retention_days: int) -> FoundRow:
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
        pictures=[FoundPicture(sha256=picture.sha256.hex(), kind=picture.kind) for picture in read.pictures],
    )
