"""What stands in the ledger for people: for oneself, and for those who run the program."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway.access.decisions import decide_person
from gateway.access.guard import Guard
from gateway.access.misuse import queue_of
from gateway.access.roles import ACTIONS
from gateway.access.state import PersonAccess
from gateway.problems import problems
from streams.ledger.people import AccessRequested, Role
from streams.ledger.purposes import MisuseFlagged

_PROBLEMS = problems(401, 403, 422, 429, 503)


class Standing(BaseModel):
    """One action, and the rule that allows or refuses it now."""

    action: str
    is_allowed: bool
    rule: str
    sentence: str


class Me(BaseModel):
    """What the person of the token may do now."""

    person_id: str
    roles: list[Role]
    is_suspended: bool
    actions: list[Standing]


class PersonShown(BaseModel):
    """What stands for one person."""

    person_id: str
    roles: list[Role]
    requested: list[AccessRequested]
    waiting: list[dict[str, Any]]
    authorizations: list[dict[str, Any]]
    trainings: list[dict[str, Any]]


def people_routes(guard: Guard) -> APIRouter:
    """Reading routes of administration. Keeps: access.list"""
    router = APIRouter(tags=["people"])

    @router.get("/v1/me", responses=problems(401, 429, 503), summary="What you may do")
    def me(request: Request) -> Me:
        """Each action with the rule that allows or refuses it to you now."""
        state, person_id = guard.ledger.replay_all(), request.state.person_id
        decided = [(one, decide_person(state, person_id, one, guard.clock.now(), guard.limits)) for one in ACTIONS]
        return Me(
            person_id=person_id,
            roles=sorted(state.person(person_id).roles),
            is_suspended=state.suspensions.is_in_force,
            actions=[
                Standing(action=action, is_allowed=one.is_allowed, rule=one.rule, sentence=one.sentence)
                for action, one in decided
            ],
        )

    @router.get("/v1/people/{person_id}", responses=_PROBLEMS, summary="What stands for a person")
    def person(person_id: str, request: Request) -> PersonShown:
        """Roles, requests, authorizations and trainings; empty for somebody never named."""
        state = guard.check(request.state.person_id, "read-access")
        return _shown(person_id, state.person(person_id))

    @router.get("/v1/access-requests", responses=_PROBLEMS, summary="Requests for access that wait")
    def access_requests(request: Request) -> list[AccessRequested]:
        """Those that nobody has approved yet, in no order."""
        state = guard.check(request.state.person_id, "read-access")
        return [one for access in state.people.values() for one in access.requested]

    @router.get("/v1/flags", responses=_PROBLEMS, summary="What looks like misuse and waits for you")
    def flags(request: Request) -> list[MisuseFlagged]:
        """Never those on yourself."""
        state = guard.check(request.state.person_id, "review-flags")
        return [flag.flagged for flag in queue_of(state, request.state.person_id)]

    return router


def _shown(person_id: str, access: PersonAccess) -> PersonShown:
    return PersonShown(
        person_id=person_id,
        roles=sorted(access.roles),
        requested=list(access.requested),
        waiting=[_authorization(one) for one in access.approved.values()],
        authorizations=[_authorization(one) for one in access.authorizations],
        trainings=[one.model_dump(mode="json") for one in access.trainings],
    )


def _authorization(one: Any) -> dict[str, Any]:
    acts = {"approved_by": one.approved_by, "authorized_by": one.authorized_by or None}
    return {**one.approved.model_dump(mode="json"), **acts, "reviewed_at": [at.isoformat() for at in one.reviewed_at]}
