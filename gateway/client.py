"""Asks a gateway over HTTP: what the command line uses, and anyone else's programs may.

It keeps nothing and repeats nothing: each search is one entry in the ledger.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import httpx

from platestream.errors import InvalidMessage, RefusedError, TransientError
from streams.ledger.events import SearchKind

PATHS: dict[SearchKind, str] = {
    "plate": "/v1/searches",
    "last-seen": "/v1/searches/last-seen",
    "partial": "/v1/searches/partial",
    "area": "/v1/searches/area",
    "reader": "/v1/searches/reader",
    "places": "/v1/searches/places",
}
_LONGEST_SECONDS = 60


@dataclass(frozen=True)
class GatewayClient:
    """One person's way to a gateway, by its address and their token. Close it, or use it in a with statement.

    All methods raise RefusedError with the rule that refused, InvalidMessage when the gateway takes it for no search,
    TransientError when the gateway is away or busy.
    """

    url: str
    token: str = field(repr=False)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_LONGEST_SECONDS), repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def search(self, kind: SearchKind, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one search, as JSON says it. `body` is that of the route; see the gateway's /docs."""
        answer: dict[str, Any] = self._ask("POST", PATHS[kind], body).json()
        return answer

    def pages(self, kind: SearchKind, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The answer and the rest of it, page by page; each is asked for when it is wanted."""
        answer = self.search(kind, body)
        yield answer
        while answer["cursor"]:
            answer = self.search(kind, {**body, "cursor": answer["cursor"]})
            yield answer

    def table(self, kind: SearchKind, body: Mapping[str, Any]) -> str:
        """The answer to one search as CSV, which begins with the notice."""
        return self._ask("POST", f"{PATHS[kind]}?format=csv", body).text

    def picture(self, link: str) -> bytes:
        """A picture by the link in an answer."""
        return self._ask("GET", link).content

    def act(self, kind: str, body: Mapping[str, Any]) -> int:
        """Put an act on record (`POST /v1/acts/KIND`); gives the ledger's offset of it."""
        return int(self._ask("POST", f"/v1/acts/{kind}", body).json()["offset"])

    def show(self, path: str) -> Any:
        """What a reading route such as /v1/me, /v1/holds or /v1/access-requests tells."""
        return self._ask("GET", path).json()

    def open_hold(self, body: Mapping[str, Any], *, is_exculpatory: bool = False) -> UUID:
        """Keep what an investigation, or someone charged, may use; gives the hold's id."""
        path = "/v1/exculpatory-requests" if is_exculpatory else "/v1/holds"
        return UUID(self._ask("POST", path, body).json()["hold_id"])

    def change_hold(self, hold_id: UUID, body: Mapping[str, Any]) -> int:
        """Attest a hold or end it; gives the ledger's offset of it."""
        return int(self._ask("POST", f"/v1/holds/{hold_id}/changes", body).json()["offset"])

    def evidence(self, hold_id: UUID, body: Mapping[str, Any]) -> bytes:
        """The evidence package of a hold, a zip; `gateway/evidence/verify.py` verifies it."""
        return self._ask("POST", f"/v1/holds/{hold_id}/package", body).content

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = self.http.request(method, self.url.rstrip("/") + path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise TransientError(f"The gateway at {self.url} cannot be reached ({type(error).__name__}).") from None
        if answer.is_success:
            return answer
        raise _problem(answer)


def _problem(answer: httpx.Response) -> RefusedError | InvalidMessage | TransientError:
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    content = answer.json() if is_problem else {}
    sentence = content.get("detail") or f"The gateway answered {answer.status_code}."
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return RefusedError(content.get("rule") or "access.list", sentence)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        return TransientError(sentence)
    return InvalidMessage("not-asked-well", sentence)
