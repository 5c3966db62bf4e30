"""Bodies of the events about purpose: cases, leave to track a plate, what looks like misuse and what came of it."""

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from schemas.messages import Name
from streams.ledger.body import Body

Offence = Literal[
    "stolen-vehicle",
    "stolen-plate",
    "wanted-person",
    "missing-person",
    "amber-alert",
    "homicide",
    "assault",
    "sexual-offence",
    "kidnapping",
    "robbery",
    "burglary",
    "theft",
    "arson",
    "drug-offence",
    "weapons-offence",
    "hit-and-run",
    "other-crime",
]
OFFENCES: tuple[Offence, ...] = get_args(Offence)
Detector = Literal["same-plate", "off-shift", "burst", "unknown-case", "staff-plate"]


class CaseRegistered(Body):
    """The system knows a case or incident."""

    kind = "case-registered"

    case_number: Name
    offence_category: Offence


class CaseClosed(Body):
    """A case is investigated no more."""

    kind = "case-closed"

    case_number: Name


class TrackingPermitted(Body):
    """A supervisor puts on record what allows one plate to be searched for again and again in one case.

    The plate is the event's: sealed, and hashed for equality. A warrant has its number; an exigency is told in words
    and is short.
    """

    kind = "tracking-permitted"

    permit_id: UUID
    person_id: Name
    case_number: Name
    basis: Literal["warrant", "exigency"]
    warrant_number: Name | None = None
    text: Annotated[str, Field(max_length=2000)]
    until_at: AwareDatetime

    @model_validator(mode="after")
    def _names_the_warrant(self) -> Self:
        if (self.basis == "warrant") != (self.warrant_number is not None):
            raise ValueError("a warrant has a number and an exigency has none")
        return self


class TrackingEnded(Body):
    """A permit is over before its time."""

    kind = "tracking-ended"

    permit_id: UUID


class StaffPlateNoted(Body):
    """The event's plate, sealed and hashed, is one of a person of the program: searches for it are looked at."""

    kind = "staff-plate-noted"

    person_id: Name


class MisuseFlagged(Body):
    """A detector found something that another person must look at. It is no finding that anything was wrong."""

    kind = "misuse-flagged"

    flag_id: UUID
    person_id: Name
    detector: Detector
    search_id: UUID
    search_count: Annotated[int, Field(ge=1)]
    first_at: AwareDatetime


class FlagReviewed(Body):
    """What somebody else found when looking at a flag."""

    kind = "flag-reviewed"

    flag_id: UUID
    finding: Literal["in-order", "inquiry", "violation"]
    text: Annotated[str, Field(min_length=1, max_length=2000)]


PURPOSES = (
    CaseRegistered, CaseClosed, TrackingPermitted, TrackingEnded, StaffPlateNoted, MisuseFlagged, FlagReviewed
)  # fmt: skip
