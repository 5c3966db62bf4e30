"""What stands in the ledger for people, cases and plates: a pure fold of its events, the same for everyone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from gateway.access.buckets import Buckets
from gateway.public_use import PublicUse
from streams.ledger.people import AccessApproved, AccessRequested, DelegationGiven, Role, TrainingRecorded
from streams.ledger.purposes import FlagReviewed, MisuseFlagged, TrackingPermitted
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """An authorization in writing, by two people. `reviewed_at` are the times of its reviews."""

    approved: AccessApproved
    approved_by: str
    authorized_by: str = ""
    reviewed_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PersonAccess:
    """What stands for one person. `requested` waits. `ended_by` says what emptied the authorizations last."""

    roles: frozenset[Role] = frozenset()
    requested: tuple[AccessRequested, ...] = ()
    approved: Mapping[UUID, Authorization] = field(default_factory=lambda: MappingProxyType({}))
    authorizations: tuple[Authorization, ...] = ()
    trainings: tuple[TrainingRecorded, ...] = ()
    ended_by: Literal["nothing", "revocation", "assignment"] = "nothing"


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Who may approve in the place of the commander `given_by`."""

    given: DelegationGiven
    given_by: str


@dataclass(frozen=True, kw_only=True)
class Permit:
    """Leave to search for one plate again and again."""

    permitted: TrackingPermitted
    plate_hash: bytes
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Flag:
    """Something that another person must look at, and what they found."""

    flagged: MisuseFlagged
    at: datetime
    reviewed: FlagReviewed | None = None


@dataclass(frozen=True, kw_only=True)
class PastSearch:
    """What is remembered of a search: the words only as fingerprints, the plate only as its keyed hash."""

    search_id: UUID
    person_id: str
    at: datetime
    plate_hash: bytes | None
    case_number: str | None
    reason: bytes
    basis: bytes
    is_allowed: bool | None = None
    page_of: UUID | None = None


_NOBODY = PersonAccess()


@dataclass(frozen=True, kw_only=True)
class AccessState:
    """`waiting` are searches not decided yet, `of_person` all decided ones, `of_plate` those that were allowed."""

    people: Mapping[str, PersonAccess] = field(default_factory=lambda: MappingProxyType({}))
    delegations: tuple[Delegation, ...] = ()
    cases: frozenset[str] = frozenset()
    permits: tuple[Permit, ...] = ()
    staff_plates: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}))
    flags: Mapping[UUID, Flag] = field(default_factory=lambda: MappingProxyType({}))
    suspensions: Suspensions = NEVER_SUSPENDED
    head_signed_at: datetime | None = None
    waiting: tuple[PastSearch, ...] = ()
    of_person: Buckets[tuple[PastSearch, ...]] = field(default_factory=Buckets)
    of_plate: Buckets[tuple[PastSearch, ...]] = field(default_factory=Buckets)
    public: PublicUse = PublicUse()

    def person(self, person_id: str) -> PersonAccess:
        """What stands for a person; nothing for one who was never named."""
        return self.people.get(person_id, _NOBODY)

    def with_person(self, person_id: str, access: PersonAccess) -> "AccessState":
        return replace(self, people=MappingProxyType({**self.people, person_id: access}))

    def has_commander(self) -> bool:
        """Whether anyone commands the program now."""
        return any("commander" in access.roles for access in self.people.values())

    def delegators(self, person_id: str, at: datetime) -> frozenset[str]:
        """The commanders in whose place a person may approve at a time."""
        return frozenset(
            delegation.given_by
            for delegation in self.delegations
            if delegation.given.delegate_id == person_id
            and delegation.given.from_at <= at < delegation.given.until_at
            and "commander" in self.person(delegation.given_by).roles
        )

    def searches_of(self, person_id: str) -> tuple[PastSearch, ...]:
        """What a person asked, oldest first, as far as it is remembered."""
        return self.of_person.get(person_id.encode()) or ()

    def searches_for(self, plate_hash: bytes) -> tuple[PastSearch, ...]:
        """Allowed searches for a plate by anyone, oldest first, as far as they are remembered."""
        return self.of_plate.get(plate_hash) or ()
