"""The OpenAPI description: each operation with the rule that lets it through and its problems as problem+json."""

from typing import Any

from fastapi import FastAPI

from gateway.access.route_rules import ROUTE_RULES
from gateway.problems import Problem

_EVERYWHERE = {500: "something unexpected happened; nothing was answered"}


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` say so."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = described()
            schema["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
            for path, methods in schema["paths"].items():
                for method, operation in methods.items():
                    _complete(operation, ROUTE_RULES[method.upper(), path])
        return app.openapi_schema or described()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], rule: str) -> None:
    operation["x-rule"] = rule
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in _EVERYWHERE.items():
        operation["responses"].setdefault(str(status), {"description": description})
    for status, answer in operation["responses"].items():
        if status >= "400":
            answer["content"] = content
    if "422" in operation["responses"] and "requestBody" not in operation and not operation.get("parameters"):
        del operation["responses"]["422"]
