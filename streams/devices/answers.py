"""What the collector answers a reader: a receipt, or a problem (RFC 9457) that says what to do. Never a plate."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field


class Receipt(BaseModel):
    """The message is on disk: it will reach the pipeline, whatever happens now."""

    reads: Annotated[int, Field(description="reads taken from the message")]
    read_ids: Annotated[list[str], Field(description="their ids; a message sent again gives the same ones")]
    pictures: Annotated[int, Field(description="pictures taken, metadata stripped")]
    pictures_refused: Annotated[list[str], Field(description="reasons of pictures not taken; their reads were")]
    overdue: Annotated[int, Field(description="reads past their destruction date: not kept")]
    suspended: Annotated[int, Field(description="reads not kept because all use is, or was then, suspended by order")]
    heartbeat: Annotated[bool, Field(description="the message was a heartbeat")]


class ProblemBody(BaseModel):
    """Why a message was not taken."""

    type: Annotated[str, Field(description="urn:platestream:problem: and the reason")]
    title: str
    status: int
    detail: Annotated[str, Field(description="what is wrong and what to do")]
    reason: Annotated[str, Field(description="a short word from a closed set")]


class Problem(Exception):
    """Ends a request. `reason` is from a closed set and is also the outcome that is counted."""

    def __init__(self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.headers = headers

    def answer(self) -> JSONResponse:
        body = ProblemBody(
            type=f"urn:platestream:problem:{self.reason}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=str(self),
            reason=self.reason,
        )
        return JSONResponse(body.model_dump(), self.status, self.headers, media_type="application/problem+json")


_PROBLEMS = {
    400: "The body is not JSON in UTF-8, or broke off",
    401: "No such device, or not its credential",
    404: "No adapter for this vendor",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The body is said to be something else than JSON",
    422: "The message cannot be taken: reason says why, sending it again will not help",
    503: "The spool cannot be written: send again later",
    507: "The spool is full: send again later",
}

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": ProblemBody.model_json_schema()}},
    }
    for status, description in _PROBLEMS.items()
}
