"""The door before every route: a valid token, not too often, a bounded body in bounded time, answers that nobody keeps.

Paths are closed unless they are named open here, also those that lead nowhere; so a route that is added later is
behind the door without doing anything for it.
"""

import asyncio
import logging
import time
from http import HTTPMethod

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.rates import RateLimits
from gateway.access.route_rules import OPEN_PATHS
from gateway.access.tokens import TokenVerifier
from gateway.problems import problem
from platestream.errors import InvalidMessage, TransientError
from platestream.metrics import SEARCHES

_METHODS = frozenset(HTTPMethod)
_UNSEEN = "/v1/suppressions"  # that its keeper did something must not show
_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 20

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Door:
    """ASGI middleware. Puts the person's id into the request's state as `person_id`. Keeps: access.list"""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, rates: RateLimits) -> None:
        self._app = app
        self._verifier = verifier
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            started, told = time.monotonic(), _Told(send)
            answer = await self._refusal(scope) or self._app
            await answer(scope, _bounded(receive), told.send)
            _log_request(scope, told.status, time.monotonic() - started)
        else:
            await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        headers, asks = Headers(scope=scope), f"address {(scope.get('client') or ('',))[0]}"
        refusal: Response | None = None
        if scope["path"] not in OPEN_PATHS:
            try:
                person_id = await self._person(_bearer(headers))
                scope.setdefault("state", {})["person_id"] = person_id
                asks = f"person {person_id}"
            except InvalidMessage as error:
                SEARCHES.labels("unauthenticated").inc()
                refusal = problem(401, str(error), headers={"WWW-Authenticate": "Bearer"})
            except TransientError as error:
                refusal = problem(503, str(error), headers={"Retry-After": "5"})
        if seconds := self._rates.wait_seconds(asks):
            return problem(429, "These are too many requests; wait a moment.", headers={"Retry-After": str(seconds)})
        return refusal or _too_large(headers)

    async def _person(self, token: str) -> str:
        if self._verifier.keys.is_remote:
            return await run_in_threadpool(self._verifier.person_of, token)
        return self._verifier.person_of(token)


def _too_large(headers: Headers) -> Response | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return problem(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return None


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidMessage("unauthenticated", "Send `Authorization: Bearer` and a token of the issuer.")
    return token.strip()


def _bounded(receive: Receive) -> Receive:
    """Raises HTTPException 408 when the body does not come to its end in time, 413 when it grows too large.

    Waits for a hang-up without end. The framework's own limit would say so in plain text, also in place of our answers.
    """
    ends_at = time.monotonic() + BODY_SECONDS
    is_whole, size_bytes = False, 0

    async def receive_bounded() -> Message:
        nonlocal is_whole, size_bytes
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout(ends_at - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        is_whole = not message.get("more_body", False)
        size_bytes += len(message.get("body", b""))
        if size_bytes > MAX_BODY_BYTES:
            raise HTTPException(413)
        return message

    return receive_bounded


class _Told:
    """Sends an answer with the headers of every answer, and knows its status."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update(_HEADERS)
        await self._send(message)


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    """One line by the route; never the address, which may name a person, nor a method that somebody made up.

    None for the suppressed list.
    """
    if not scope["path"].startswith(_UNSEEN):
        route = getattr(scope.get("route"), "path", "-")
        method = scope["method"] if scope["method"] in _METHODS else "-"
        _log.info("request method=%s route=%s status=%d ms=%d", method, route, status, seconds * 1000)
