"""The kinds of ledger events and the shape of each one's body.

A body is JSON. None holds a plate: what must be kept of it is sealed and hashed beside the body.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field, ValidationError

from platestream.clock import from_ms, to_ms
from platestream.errors import IntegrityError
from schemas.messages import LedgerEvent, Name
from streams.ledger.blanking import blank_fitting, blank_plate, tidy
from streams.ledger.body import Body
from streams.ledger.evidence import EVIDENCE
from streams.ledger.holding import HOLDING
from streams.ledger.people import PEOPLE
from streams.ledger.publishing import PUBLISHING
from streams.ledger.purposes import PURPOSES
from streams.ledger.sealing import Seals
from streams.ledger.showing import PICTURES
from streams.ledger.suspending import SUSPENDING

_WRITTEN = ("case_number", "offence_category", "offence", "reason", "factual_basis")


SearchKind = Literal["plate", "last-seen", "partial", "area", "reader", "places"]


class SearchRequested(Body):
    """Someone asks. What they wrote stands here without the plate; the whole, and what they look for, is sealed.

    `page_of` is the search of whose answer this asks for the rest.
    """

    kind = "search-requested"

    search_id: UUID
    search: SearchKind = "plate"
    page_of: UUID | None = None
    case_number: str | None = None
    offence_category: str | None = None
    offence: str | None = None
    reason: str | None = None
    factual_basis: str | None = None
    collected_from: AwareDatetime
    collected_until: AwareDatetime
    row_limit: Annotated[int, Field(ge=1)]


class SearchDecided(Body):
    """The rule that allowed or refused, in a sentence."""

    kind = "search-decided"

    search_id: UUID
    is_allowed: bool
    rule: Name
    sentence: str


class SearchAnswered(Body):
    """What was found, before it is told; the read ids are sealed. `failed` when the store did not answer."""

    kind = "search-answered"

    search_id: UUID
    outcome: Literal["answered", "failed"]
    row_count: Annotated[int, Field(ge=0)]
    is_truncated: bool


class HeadSigned(Body):
    """The head of the chain up to `offset`, signed. `at` is the text that was signed with it."""

    kind = "ledger-head-signed"

    offset: Annotated[int, Field(ge=0)]
    head: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    at: Name
    signature: Name


_BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (
        *PEOPLE, *PURPOSES, SearchRequested, SearchDecided, SearchAnswered,
        *PICTURES, *HOLDING, *SUSPENDING, *EVIDENCE, *PUBLISHING,
        HeadSigned,
    )
}  # fmt: skip
KINDS = frozenset(_BODIES)


def new_event(  # noqa: PLR0913 - one argument a field
    body: Body,
    *,
    at: datetime,
    actor_id: str,
    subject_id: str,
    sealed: tuple[bytes, ...] = (),
    plate_hash: bytes | None = None,
) -> LedgerEvent:
    """An event with a new id and nonce; `at` is kept to the millisecond."""
    return LedgerEvent(
        event_id=uuid4(),
        kind=body.kind,
        at=from_ms(to_ms(at)),
        actor_id=actor_id,
        subject_id=subject_id,
        nonce=token_bytes(16),
        body=body.model_dump_json(),
        sealed=sealed,
        plate_hash=plate_hash,
    )


def search_requested(
    asked: SearchRequested, looked_for: Mapping[str, Any], *, at: datetime, person_id: str, seals: Seals
) -> LedgerEvent:
    """The event of a request: what is looked for and the original words sealed, the body blanked. Keeps: query.log

    `looked_for` is what JSON can hold. Its `plate` is hashed; it, or its `pattern`, is what is blanked.
    """
    written = {field: getattr(asked, field) for field in _WRITTEN}
    plate = looked_for.get("plate")
    blanked = {field: text and _blanked(text, looked_for) for field, text in written.items()}
    return new_event(
        asked.model_copy(update=blanked),
        at=at,
        actor_id=person_id,
        subject_id=str(asked.search_id),
        sealed=seals.seal(json.dumps({**looked_for, **written}).encode()),
        plate_hash=seals.hash_plate(plate) if plate else None,
    )


def _blanked(text: str, looked_for: Mapping[str, Any]) -> str:
    if plate := looked_for.get("plate"):
        return blank_plate(text, plate)
    if pattern := looked_for.get("pattern"):
        return blank_fitting(text, pattern)
    return tidy(text)


def search_answered(  # noqa: PLR0913 - the answer and what stands beside it
    answered: SearchAnswered,
    read_ids: Sequence[UUID],
    *,
    at: datetime,
    person_id: str,
    seals: Seals,
    told_plate: str | None = None,
) -> LedgerEvent:
    """The event of an answer: 16 bytes of each read id, one after the other, sealed.

    `told_plate` is hashed: the one plate that a search for something else came down to.
    """
    return new_event(
        answered,
        at=at,
        actor_id=person_id,
        subject_id=str(answered.search_id),
        sealed=seals.seal(b"".join(read_id.bytes for read_id in read_ids)),
        plate_hash=seals.hash_plate(told_plate) if told_plate else None,
    )


def body_of(event: LedgerEvent) -> Body | None:
    """The body of an event of a known kind, None for others. Raises IntegrityError when it is not of its shape."""
    if event.kind not in _BODIES:
        return None
    try:
        return _BODIES[event.kind].model_validate_json(event.body)
    except ValidationError:
        raise IntegrityError(
            f"Ledger event {event.event_id} of kind {event.kind} cannot be understood; newer software may have written "
            "it. Stop, and bring this process to the newest version."
        ) from None
