"""Holds over HTTP: opened for an investigation or for someone charged, changed, listed, packaged as evidence."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, BinaryIO, Literal, Self
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.background import BackgroundTask

from gateway.access.guard import Guard
from gateway.access.roles import Action
from gateway.evidence.desk import EvidenceDesk
from gateway.problems import problems
from gateway.routes.examples import EVIDENCE, EXCULPATORY, HOLD, HOLD_CHANGE
from platestream.errors import RefusedError
from schemas.messages import Name
from schemas.plates import normalise_plate
from sinks.holds.acts import HoldActs, Named
from sinks.holds.state import Hold
from streams.ledger.evidence import EvidenceRequested
from streams.ledger.holding import HoldChanged, HoldOpened, Selection

_PROBLEMS = problems(401, 403, 413, 422, 429, 503)
_CHUNK_BYTES = 1 << 16
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Plates = Annotated[tuple[str, ...], Field(max_length=1000, repr=False, description="plates, with selection by plate")]
ReadIds = Annotated[tuple[UUID, ...], Field(max_length=1000, repr=False, description="ids, with selection by reads")]
Days = Annotated[int, Field(ge=1, le=3650, description="days until it must be attested again")]


class HoldBody(BaseModel):
    """What is to be kept beyond 60 days, and why."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [HOLD]})

    case_number: Name
    document_id: Annotated[Name, Field(description="the approval, or the written request of whoever is charged")]
    selection: Selection
    plates: Plates = ()
    read_ids: ReadIds = ()
    attested_days: Days = 90

    @model_validator(mode="after")
    def _is_of_this_century(self) -> Self:
        span = (getattr(self.selection, name, _EARLIEST) for name in ("collected_from", "collected_until"))
        if not all(_EARLIEST <= at <= _LATEST for at in span):
            raise ValueError("collected_from and collected_until must lie within this century")
        return self


class ExculpatoryBody(HoldBody):
    """A written request of someone charged to preserve what may clear them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXCULPATORY]})


class ChangeBody(BaseModel):
    """`attested` needs attested_days, `inactive` (an investigation that is over) needs destroy_at."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [HOLD_CHANGE]})

    change: Literal["attested", "inactive", "disposed"]
    document_id: Name
    attested_days: Days | None = None
    destroy_at: Annotated[AwareDatetime | None, Field(ge=_EARLIEST, le=_LATEST)] = None

    @model_validator(mode="after")
    def _says_until_when(self) -> Self:
        if (self.change == "attested") != (self.attested_days is not None):
            raise ValueError("attested, and nothing else, needs attested_days")
        if (self.change == "inactive") != (self.destroy_at is not None):
            raise ValueError("inactive, and nothing else, needs destroy_at")
        return self


class EvidenceBody(BaseModel):
    """Who gets the package, and by which request."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [EVIDENCE]})

    document_id: Name
    recipient: Name


class HoldShown(BaseModel):
    """A hold that has not ended, without what it names."""

    hold_id: UUID
    hold_kind: str
    case_number: str
    document_id: str
    opened_by: str
    selected_by: str
    attested_until: AwareDatetime
    destroy_at: AwareDatetime | None
    is_lapsed: bool
    takes_reads: bool


class HoldRecorded(BaseModel):
    """Where in the ledger it stands."""

    hold_id: UUID
    offset: int


def hold_routes(guard: Guard, acts: HoldActs, desk: EvidenceDesk) -> APIRouter:
    """Keeps: evidence.copy, retention.exculpatory"""
    router = APIRouter(tags=["holds"])
    _add_opening(router, guard, acts)
    _add_changing(router, guard, acts)
    _add_packaging(router, desk)
    return router


def _add_opening(router: APIRouter, guard: Guard, acts: HoldActs) -> None:
    def opened(person_id: str, action: Action, kind: str, body: HoldBody) -> HoldRecorded:
        guard.check(person_id, action)
        hold_id = uuid4()
        hold = HoldOpened.model_validate(
            {
                "hold_id": hold_id,
                "hold_kind": kind,
                "opened_by": person_id,
                "attested_until": guard.clock.now() + timedelta(days=body.attested_days),
                **body.model_dump(include={"case_number", "document_id", "selection"}),
            }
        )
        named = Named(tuple(normalise_plate(plate) for plate in body.plates), body.read_ids)
        offset = _noted(guard, person_id, action, lambda: acts.open(hold, named))
        return HoldRecorded(hold_id=hold_id, offset=offset)

    @router.post("/v1/holds", status_code=201, responses=_PROBLEMS, summary="Keep what an investigation may use")
    def open_hold(body: HoldBody, request: Request) -> HoldRecorded:
        """Its copy is made within a minute, and of matching reads that come later. Plates and ids are sealed."""
        return opened(request.state.person_id, "open-hold", "investigation", body)

    @router.post(
        "/v1/exculpatory-requests", status_code=201, responses=_PROBLEMS, summary="Keep what may clear someone charged"
    )
    def open_exculpatory(body: ExculpatoryBody, request: Request) -> HoldRecorded:
        """Stands until the charge is disposed of, however late its attestation is."""
        return opened(request.state.person_id, "record-exculpatory", "exculpatory", body)


def _add_changing(router: APIRouter, guard: Guard, acts: HoldActs) -> None:
    @router.get("/v1/holds", responses=_PROBLEMS, summary="Holds that have not ended")
    def holds(request: Request) -> list[HoldShown]:
        """Without the plates and reads that they name."""
        guard.check(request.state.person_id, "read-holds")
        now = guard.clock.now()
        return [_shown(hold, now) for hold in acts.ledger.replay_all().holds.values()]

    @router.post(
        "/v1/holds/{hold_id}/changes", status_code=201, responses=_PROBLEMS, summary="Attest a hold, or end it"
    )
    def change_hold(hold_id: UUID, body: ChangeBody, request: Request) -> HoldRecorded:
        """An investigation ends by its retention schedule, an exculpatory hold with the charge's disposition."""
        person_id = request.state.person_id
        guard.check(person_id, "change-hold")
        said: dict[str, Any] = {
            "hold_id": hold_id,
            "changed_by": person_id,
            **body.model_dump(exclude={"attested_days"}),
        }
        if body.attested_days is not None:
            said["attested_until"] = guard.clock.now() + timedelta(days=body.attested_days)
        changed = HoldChanged.model_validate(said)
        offset = _noted(guard, person_id, "change-hold", lambda: acts.change(changed))
        return HoldRecorded(hold_id=hold_id, offset=offset)


def _add_packaging(router: APIRouter, desk: EvidenceDesk) -> None:
    @router.post(
        "/v1/holds/{hold_id}/package",
        responses={**_PROBLEMS, 200: {"content": {"application/zip": {}}, "description": "the evidence package"}},
        response_class=StreamingResponse,
        summary="All that a hold keeps, as evidence",
    )
    def package(hold_id: UUID, body: EvidenceBody, request: Request) -> StreamingResponse:
        """A zip of reads, alerts, pictures, custody and a signed manifest; gateway/evidence/verify.py verifies it."""
        requested = EvidenceRequested(
            package_id=uuid4(), hold_id=hold_id, document_id=body.document_id, recipient=body.recipient
        )
        file = desk.make(requested, by=request.state.person_id)
        headers = {
            "Content-Disposition": f'attachment; filename="evidence-{requested.package_id}.zip"',
            "Content-Length": str(file.seek(0, os.SEEK_END)),
        }
        file.seek(0)
        closing = BackgroundTask(file.close)
        return StreamingResponse(_parts(file), media_type="application/zip", headers=headers, background=closing)


def _noted(guard: Guard, person_id: str, action: Action, act: Any) -> int:
    """What a rule about holds refuses is in the ledger, too."""
    try:
        return int(act())
    except RefusedError as refused:
        guard.note(person_id, action, refused.rule, str(refused))
        raise


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_CHUNK_BYTES):
        yield part


def _shown(hold: Hold, now: Any) -> HoldShown:
    opened = hold.opened
    return HoldShown(
        hold_id=hold.id,
        hold_kind=opened.hold_kind,
        case_number=opened.case_number,
        document_id=opened.document_id,
        opened_by=opened.opened_by,
        selected_by=opened.selection.by,
        attested_until=hold.attested_until,
        destroy_at=hold.destroy_at,
        is_lapsed=hold.is_lapsed(now),
        takes_reads=hold.takes_reads(now),
    )
