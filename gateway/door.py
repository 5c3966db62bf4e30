"""The door before every route: a valid token, a bounded body, and answers that nobody keeps.

Paths are closed unless they are named open here, also those that lead nowhere; so a route that is added later is
behind the door without doing anything for it.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.route_rules import OPEN_PATHS
from gateway.access.tokens import TokenVerifier
from gateway.problems import problem
from platestream.errors import InvalidMessage
from platestream.metrics import SEARCHES

MAX_BODY_BYTES = 64 * 1024

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Door:
    """ASGI middleware. Puts the person's id into the request's state as `person_id`. Keeps: access.list"""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await (self._refusal(scope) or self._app)(scope, receive, _with_headers(send))
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["path"] not in OPEN_PATHS:
            try:
                scope.setdefault("state", {})["person_id"] = self._verifier.person_of(_bearer(headers))
            except InvalidMessage as error:
                SEARCHES.labels("unauthenticated").inc()
                return problem(401, str(error), headers={"WWW-Authenticate": "Bearer"})
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return problem(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        return None


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidMessage("unauthenticated", "Send `Authorization: Bearer` and a token of the issuer.")
    return token.strip()


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return send_with_headers
