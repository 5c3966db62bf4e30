"""Asks a gateway over HTTP: what the command line uses, and anyone else's programs may.

It keeps nothing and repeats nothing: each search is one entry in the ledger.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Self
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
_PACKAGE_SECONDS = 900  # it is made whole before its first byte comes


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

    def evidence(
        self,
        hold_id: UUID,
        body: Mapping[str, Any],
        out: BinaryIO,
        tell: Callable[[int, int | None], None] = lambda done_bytes, total_bytes: None,
    ) -> None:
        """Write the evidence package of a hold, a zip, into `out`; `gateway/evidence/verify.py` verifies it.

        `tell` is called with how many bytes came of how many.
        """
        path = f"/v1/holds/{hold_id}/package"
        with self._answered("POST", path, body, seconds=_PACKAGE_SECONDS) as answer:
            total = answer.headers.get("content-length")
            done_bytes = 0
            for part in answer.iter_bytes():
                done_bytes += out.write(part)
                tell(done_bytes, int(total) if total else None)

    def suppress(self, plate: str, until_at: datetime | None = None) -> None:
        """Put a plate on the list of suppressed ones, for its keeper; `until_at` is aware, None is without end."""
        self._ask("POST", "/v1/suppressions", {"plate": plate, "until_at": until_at and until_at.isoformat()})

    def release(self, plate: str) -> None:
        """Take a plate off that list."""
        self._ask("POST", "/v1/suppressions/ended", {"plate": plate})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        with self._answered(method, path, body) as answer:
            answer.read()
            return answer

    @contextmanager
    def _answered(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, seconds: float = _LONGEST_SECONDS
    ) -> Iterator[httpx.Response]:
        """An answer whose content is yet to come."""
        headers, url = {"Authorization": f"Bearer {self.token}"}, self.url.rstrip("/") + path
        try:
            with self.http.stream(method, url, json=body, headers=headers, timeout=seconds) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _problem(answer)
                yield answer
        except httpx.HTTPError as error:
            raise TransientError(f"The gateway at {self.url} cannot be reached ({type(error).__name__}).") from None


def _problem(answer: httpx.Response) -> RefusedError | InvalidMessage | TransientError:
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    content = answer.json() if is_problem else {}
    sentence = content.get("detail") or f"The gateway answered {answer.status_code}."
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return RefusedError(content.get("rule") or "access.list", sentence)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        return TransientError(sentence)
    return InvalidMessage("not-asked-well", sentence)
