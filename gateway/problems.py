"""Errors as answers: problem+json (RFC 9457) with the rule that refused. Nothing that was sent is ever repeated."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from gateway.searches.shares import TooManyAtOnce
from platestream.errors import ConfigError, IntegrityError, InvalidMessage, RefusedError, TransientError
from platestream.metrics import SEARCHES
from sinks.clickhouse.reads import TooCostly

_log = logging.getLogger(__name__)
_AWAY = "A part of the system that every answer needs is away; nothing was answered. Ask again in a moment."


class Problem(BaseModel):
    """What a client gets instead of an answer; `rule` names the clause of the order that refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:platestream:problem:403",
                    "title": "Forbidden",
                    "status": 403,
                    "detail": "A search needs a case or incident number.",
                    "rule": "query.log",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    rule: str | None = None
    steps: list[dict[str, Any]] | None = None


def problem(
    status: int,
    detail: str,
    *,
    rule: str | None = None,
    steps: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer for a status, with a sentence for the person who asked; `steps` only where they were asked for."""
    body = Problem(
        type=f"urn:platestream:problem:{status}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        rule=rule,
        steps=steps,
    )
    content = body.model_dump(exclude=None if steps else {"steps"})
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")


_DESCRIPTIONS = {
    401: "no valid token",
    403: "refused by the rule that is named; the refusal is logged",
    404: "there is nothing like that",
    408: "the body came too slowly",
    413: "the body is too large",
    422: "not of the form that is asked for",
    429: "too many requests of one person or address; ask again later",
    503: "ledger or store is away; nothing was answered",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route: which problems it answers with; gateway/describing.py adds their form."""
    return {status: {"description": _DESCRIPTIONS[status]} for status in statuses}


def add_problem_handlers(app: FastAPI) -> None:
    """Every error of the gateway's routes becomes a problem."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def _refused(request: Request, error: Any) -> JSONResponse:
    decision = getattr(error, "decision", None) if asks_to_explain(request) else None
    return problem(403, str(error), rule=error.rule, steps=decision and [asdict(step) for step in decision.steps])


def asks_to_explain(request: Request) -> bool:
    """Whether the request's address ends in `?explain=1`."""
    return request.query_params.get("explain", "").lower() in {"1", "true"}


async def _invalid(request: Request, error: Any) -> JSONResponse:
    _count_malformed(request)
    return problem(422, str(error))


async def _too_costly(_: Request, error: Any) -> JSONResponse:
    return problem(422, str(error))


async def _too_many(_: Request, error: Any) -> JSONResponse:
    return problem(429, str(error), headers={"Retry-After": "1"})


def _count_malformed(request: Request) -> None:
    if request.url.path.startswith("/v1/searches"):
        SEARCHES.labels("malformed").inc()


async def _malformed(request: Request, error: Any) -> JSONResponse:
    _count_malformed(request)
    return problem(422, "; ".join(sorted({_fault(fault) for fault in error.errors()})))


async def _away(_: Request, error: Any) -> JSONResponse:
    _log.warning("Nothing was answered: %s", error)
    return problem(503, _AWAY, headers={"Retry-After": "5"})


async def _damaged(_: Request, error: Any) -> JSONResponse:
    _log.critical("The gateway must stop: %s", error)
    return problem(503, "The record of searches is damaged; the gateway answers nothing until it is put right.")


async def _http(_: Request, error: Any) -> JSONResponse:
    return problem(error.status_code, HTTPStatus(error.status_code).description or "No.", headers=error.headers)


async def _unexpected(_: Request, error: Any) -> JSONResponse:
    return problem(500, "Something unexpected happened; nothing was answered. It is in the process's log.")


def _fault(fault: Any) -> str:
    """Where and what of one fault, without what was sent: an unknown field's name could be anything."""
    if fault["type"] == "json_invalid":
        return "The body is not JSON."
    if fault["type"] == "extra_forbidden":
        return "There is a field that is not known here."
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "union_tag_invalid":  # its message has what was sent
        return f"{where}: {fault['ctx']['discriminator']} must be one of {fault['ctx']['expected_tags']}"
    return f"{where}: {fault['msg']}"


_HANDLERS = {
    RefusedError: _refused,
    TooManyAtOnce: _too_many,
    TooCostly: _too_costly,
    InvalidMessage: _invalid,
    RequestValidationError: _malformed,
    TransientError: _away,
    ConfigError: _away,  # a thread that meets the store for the first time may find that it refuses everybody
    IntegrityError: _damaged,
    HTTPException: _http,
    Exception: _unexpected,
}
