"""The pages anyone may open: what this is, how to ask, whether it works. They hold no data and load nothing from afar.

The page at /docs is made here from the OpenAPI description: a page that loads scripts from elsewhere is no place to
have a token at hand.
"""

import json
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.access.state import AccessState
from gateway.searches.finding import StoredReads
from platestream.errors import PlatestreamError
from streams.ledger.ledger import Ledger

_STYLE = "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}pre{background:#eee;padding:1em}"
_WELCOME = """<p>The only door to stored licence-plate reads. Every search is written to the ledger with who asked,
why and on what facts, before it is answered.</p>
<ul><li><a href="/docs">How to ask</a></li><li><a href="/openapi.json">OpenAPI description</a></li>
<li><a href="/public-log">Public log of use</a> (<a href="/public-log.csv">as a table</a>)</li>
<li><a href="/healthz">Whether it works</a></li></ul>"""


def open_pages(app: FastAPI, ledger: Ledger[AccessState], reads: StoredReads) -> APIRouter:
    """Routes without a token."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def welcome() -> HTMLResponse:
        return _page("platestream gateway", _WELCOME)

    @router.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        return _page("How to ask", "".join(_operations(app.openapi(), str(request.base_url).rstrip("/"))))

    @router.get("/healthz")
    def healthz() -> JSONResponse:
        """Whether the broker answers, the ledger was followed to its end and the engine answers: all three now.

        `suspended` is no fault: what is ordered to rest is well.
        """
        is_suspended: list[bool] = []
        is_reachable = _answers(ledger.check_reachable)
        parts = {
            "ledger": is_reachable,  # whoever watches does not wait twice for a broker that is away
            "replay": is_reachable
            and _answers(lambda: is_suspended.append(ledger.replay_all().suspensions.is_in_force)),
            "store": _answers(reads.check_reachable),
        }
        suspended = {"suspended": is_suspended[0] if is_suspended else None}
        return JSONResponse(parts | suspended, 200 if all(parts.values()) else 503)

    return router


def _answers(check: Callable[[], None]) -> bool:
    try:
        check()
    except PlatestreamError:
        return False
    return True


def _page(title: str, content: str) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{content}</html>"
    )


def _operations(described: dict[str, Any], base: str) -> Iterator[str]:
    """Each operation with its fields, an example as a curl command, and its answers."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            schema = _body_schema(described, operation)
            yield f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(operation.get('description', ''))}</p><dl>"
            for name, field in schema.get("properties", {}).items():
                needed = ", required" if name in schema.get("required", ()) else ""
                yield f"<dt><code>{escape(name)}</code>{needed}</dt><dd>{escape(field.get('description', ''))}</dd>"
            yield "</dl>" + "".join(_curl(method, base + path, example) for example in schema.get("examples", ()))
            yield "<h3>Answers</h3><dl>"
            for status, answer in operation["responses"].items():
                yield f"<dt>{escape(status)}</dt><dd>{escape(answer['description'])}</dd>"
            yield "</dl>"


def _body_schema(described: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = body.get("$ref", "").rpartition("/")[2]
    schema: dict[str, Any] = described["components"]["schemas"].get(name, body)
    return schema


def _curl(method: str, url: str, example: Any) -> str:
    lines = (
        f"curl -X {method.upper()} {url}",
        '-H "Authorization: Bearer $TOKEN"',
        '-H "Content-Type: application/json"',
        f"-d '{json.dumps(example, indent=2)}'",
    )
    return "<pre>" + escape(" \\\n  ".join(lines)) + "</pre>"
