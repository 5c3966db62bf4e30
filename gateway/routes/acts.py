"""POST /v1/acts/...: what administrators, supervisors and those who ask for access put on record, an event each.

Who acts is the token's person. An act that the rules refuse is in the ledger and changes nothing; one that would count
whoever wrote it, as a revocation does, is refused before it is written, and the refusal is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, create_model

from gateway.access.acts import is_checked
from gateway.access.administration import act, act_on_plate
from gateway.access.guard import Guard
from gateway.access.route_rules import ROUTE_RULES, action_of
from gateway.problems import problems
from gateway.routes.examples import ACTS as EXAMPLES
from schemas.plates import normalise_plate
from streams.ledger import people, purposes, suspending
from streams.ledger.body import Body, Shape
from streams.ledger.sealing import Seals


class Recorded(BaseModel):
    """Where in the ledger it stands."""

    kind: str
    subject_id: Annotated[str, Field(description="what or whom it is about; for an act on a plate an id of its own")]
    offset: Annotated[int, Field(description="offset of the ledger event")]


@dataclass(frozen=True)
class _Act:
    """An act that comes in over HTTP. `subject` is the field that says what it is about; None where that is a plate."""

    body: type[Body]
    subject: str | None
    new_id: str | None = None  # a random one unless the client brings it
    by_field: str | None = None  # names the person of the token

    @property
    def path(self) -> str:
        return f"/v1/acts/{self.body.kind}"


_ACTS = (
    _Act(people.AccessRequested, "person_id", "authorization_id", by_field="person_id"),
    _Act(people.AccessApproved, "person_id", "authorization_id"),
    _Act(people.AccessDenied, "person_id"),
    _Act(people.AccessAuthorized, "person_id"),
    _Act(people.AccessReviewed, "person_id"),
    _Act(people.AuthorizationRevoked, "person_id", by_field="revoked_by"),
    _Act(people.AssignmentChanged, "person_id"),
    _Act(people.TrainingRecorded, "person_id"),
    _Act(people.RoleAssigned, "person_id"),
    _Act(people.RoleEnded, "person_id"),
    _Act(people.DelegationGiven, "delegate_id"),
    _Act(people.DelegationEnded, "delegate_id"),
    _Act(purposes.CaseRegistered, "case_number"),
    _Act(purposes.CaseClosed, "case_number"),
    _Act(purposes.TrackingPermitted, None, "permit_id"),
    _Act(purposes.TrackingEnded, "permit_id"),
    _Act(purposes.StaffPlateNoted, None),
    _Act(purposes.FlagReviewed, "flag_id"),
    _Act(suspending.SuspensionOrdered, "document_id"),
    _Act(suspending.SuspensionLifted, "document_id"),
)


def act_routes(guard: Guard, seals: Seals) -> APIRouter:
    """One route an act. Keeps: access.approval, suspension.order"""
    router = APIRouter(tags=["acts"])
    for one in _ACTS:
        router.add_api_route(
            one.path,
            _endpoint(one, guard, seals),
            methods=["POST"],
            status_code=201,
            response_model=Recorded,
            responses=problems(401, 403, 413, 422, 429, 503),
            summary=_first_sentence(one.body),
            description=one.body.__doc__,
            operation_id=one.body.kind,
        )
    return router


def _endpoint(one: _Act, guard: Guard, seals: Seals) -> Callable[..., Recorded]:
    def record(body: Any, request: Request) -> Recorded:
        person_id: str = request.state.person_id
        if ROUTE_RULES["POST", one.path] != "token" and not is_checked(one.body):
            guard.check(person_id, action_of("POST", one.path))
        said = body.model_dump(exclude={"plate"})
        if one.by_field:
            said[one.by_field] = person_id
        act_body = one.body.model_validate(said)
        if one.subject is None:
            plate = normalise_plate(body.plate)
            offset = act_on_plate(guard.ledger, guard.clock, act_body, by=person_id, plate=plate, seals=seals)
            return Recorded(kind=one.body.kind, subject_id=str(said.get("permit_id", "")), offset=offset)
        about = str(getattr(act_body, one.subject))
        offset = act(guard.ledger, guard.clock, act_body, by=person_id, about=about)
        return Recorded(kind=one.body.kind, subject_id=about, offset=offset)

    record.__annotations__["body"] = _model(one)
    return record


@cache
def _model(one: _Act) -> type[BaseModel]:
    """The event's body as a client sends it: with a plate where it is about one, without what the gateway fills in."""
    fields: dict[str, Any] = {}
    if one.by_field:
        fields = {
            name: (field.annotation, field) for name, field in one.body.model_fields.items() if name != one.by_field
        }
    if one.new_id:
        fields[one.new_id] = (UUID, Field(default_factory=uuid4, description="random unless you bring one"))
    if one.subject is None:
        fields["plate"] = (Annotated[str, Field(max_length=64, repr=False, description="the plate; it is sealed")], ...)
    model = create_model(
        f"{one.body.__name__}Act", __base__=Shape if one.by_field else one.body, __doc__=one.body.__doc__, **fields
    )
    model.model_config["json_schema_extra"] = {"examples": [EXAMPLES[one.body.kind]]}
    return model


def _first_sentence(body: type[Body]) -> str:
    return (body.__doc__ or "").split(".")[0].split(":")[0].strip()
