"""Requests of chapter 5B: who takes part in the program is kept from stored reads, and nobody learns of it.

Only the list's keeper comes this far. Nothing that the keeper does here is in the ledger, in metrics or in logs; what
others try is refused alike whatever the list holds, before anything of it is looked at.
"""

from collections.abc import Callable, Iterable
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access.guard import Guard
from gateway.keeping import KeepsSuppressions
from gateway.problems import problems
from gateway.routes.examples import SUPPRESSION, SUPPRESSION_ENDED
from streams.suppressions.secrecy import SuppressedPlate

_PROBLEMS = problems(401, 403, 413, 422, 429, 503)
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Plate = Annotated[str, Field(max_length=64, repr=False, description="the participant's plate")]


class SuppressionEndedBody(BaseModel):
    """A plate whose suppression is over."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [SUPPRESSION_ENDED]})

    plate: Plate


class SuppressionBody(BaseModel):
    """A plate to suppress from now on, on the participant's written request."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [SUPPRESSION]})

    plate: Plate
    until_at: Annotated[AwareDatetime | None, Field(description="first moment after it; without end by default")] = None


class SuppressionShown(BaseModel):
    """A plate on the list."""

    plate: Annotated[str, Field(repr=False, description="folded: 0 and O, 1 and I are one")]
    since_at: AwareDatetime
    until_at: AwareDatetime | None
    is_in_force: bool


def suppression_routes(
    guard: Guard, keeper: KeepsSuppressions, listed: Callable[[], Iterable[SuppressedPlate]]
) -> APIRouter:
    """Keeps: retention.suppressed"""
    router = APIRouter(tags=["suppressions"])

    @router.get("/v1/suppressions", responses=_PROBLEMS, summary="The list, for its keeper")
    def suppressions(request: Request) -> list[SuppressionShown]:
        """All plates that were ever on it."""
        guard.check(request.state.person_id, "keep-suppressions")
        now = guard.clock.now()
        return [
            SuppressionShown(
                plate=one.folded.decode(),
                since_at=one.since_at,
                until_at=one.until_at,
                is_in_force=one.is_in_force(now),
            )
            for one in listed()
        ]

    @router.post("/v1/suppressions", status_code=204, responses=_PROBLEMS, summary="Put a plate on the list")
    def suppress(body: SuppressionBody, request: Request) -> Response:
        """Its reads raise no alert and are destroyed on receipt; stored ones go with the next sweep."""
        guard.check(request.state.person_id, "keep-suppressions")
        keeper.suppress(body.plate, body.until_at)
        return Response(status_code=204)

    @router.post("/v1/suppressions/ended", status_code=204, responses=_PROBLEMS, summary="Take a plate off the list")
    def release(body: SuppressionEndedBody, request: Request) -> Response:
        """One that is not on it stays so; the answer does not tell."""
        guard.check(request.state.person_id, "keep-suppressions")
        keeper.release(body.plate)
        return Response(status_code=204)

    return router
