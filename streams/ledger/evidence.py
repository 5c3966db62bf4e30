"""Bodies of the events about what leaves a hold as evidence, and about acts refused before they were written."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.messages import Name
from streams.ledger.body import Body


class EvidenceRequested(Body):
    """Someone asks for all that a hold keeps. `document_id` names the request of court, prosecutor or defence."""

    kind = "evidence-requested"

    package_id: UUID
    hold_id: UUID
    document_id: Name
    recipient: Name


class EvidencePackaged(Body):
    """The package is made and is about to leave. `manifest_sha256` is that of its manifest, which hashes all else.

    `alert_count` is None of a package without alerts.
    """

    kind = "evidence-packaged"

    package_id: UUID
    hold_id: UUID
    read_count: Annotated[int, Field(ge=0)]
    alert_count: Annotated[int | None, Field(ge=0)] = None
    picture_count: Annotated[int, Field(ge=0)]
    missing_pictures: Annotated[int, Field(ge=0)]
    manifest_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ActRefused(Body):
    """Somebody tried what their roles do not let them do; nothing else was written of it."""

    kind = "act-refused"

    action: Name
    rule: Name
    sentence: str


EVIDENCE = (EvidenceRequested, EvidencePackaged, ActRefused)
