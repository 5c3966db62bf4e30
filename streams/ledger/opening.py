"""What a log reader's private key shows of the ledger's searches: plates, words as written, reads that were told."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from platestream.clock import from_ms
from streams.ledger.events import SearchAnswered, SearchDecided, SearchRequested
from streams.ledger.proof import Event, read_event
from streams.ledger.sealing import SealOpener


@dataclass(frozen=True, kw_only=True)
class OpenedSearch:
    """One search in the clear. `read_ids` are the reads that were told; none when it was refused or failed."""

    offset: int
    search_id: str
    person_id: str = field(repr=False)
    at: datetime
    asked: dict[str, Any] = field(repr=False)  # what was sealed: the plate or place, and the words as written
    is_allowed: bool = False
    read_ids: tuple[UUID, ...] = ()


def open_searches(
    events: Iterable[Event], opener: SealOpener, *, person_id: str | None, since: datetime, until: datetime
) -> list[OpenedSearch]:
    """The searches that a person (None: anyone) asked in [since, until), each with what it was told.

    Raises InvalidMessage when the key opens none of an event's boxes. Keeps: breach.notice
    """
    opened: dict[str, OpenedSearch] = {}
    for event, content in ((event, read_event(event.value)) for event in events):
        about, kind = content["subject_id"], content["kind"]
        if kind == SearchRequested.kind:
            search = _opened(event.offset, content, opener, person_id, since, until)
            opened |= {about: search} if search else {}
        elif kind == SearchDecided.kind and about in opened:
            opened[about] = replace(opened[about], is_allowed=content["body"]["is_allowed"])
        elif kind == SearchAnswered.kind and about in opened:
            opened[about] = replace(opened[about], read_ids=tuple(_read_ids(_unsealed(content, opener))))
    return list(opened.values())


def _opened(  # noqa: PLR0913 - the search and the three limits of what is asked for
    offset: int, content: dict[str, Any], opener: SealOpener, person_id: str | None, since: datetime, until: datetime
) -> OpenedSearch | None:
    at = from_ms(content["at_ms"])
    if person_id not in {None, content["actor_id"]} or not since <= at < until:
        return None
    asked = json.loads(_unsealed(content, opener))
    return OpenedSearch(
        offset=offset, search_id=content["subject_id"], person_id=content["actor_id"], at=at, asked=asked
    )


def _unsealed(content: dict[str, Any], opener: SealOpener) -> bytes:
    return opener.open([base64.b64decode(box) for box in content["sealed"]])


def _read_ids(joined: bytes) -> Iterator[UUID]:
    return (UUID(bytes=joined[at : at + 16]) for at in range(0, len(joined), 16))
