"""What tests of the gateway and the ledger share: keys, people on the access list, a search that is in order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from gateway.access.administration import act, new_id
from gateway.access.limits import limits_of
from gateway.access.state import AccessState, Authorization, PersonAccess
from gateway.routes.bodies import PlateSearch
from gateway.routes.searches import search_of
from gateway.searches.desk import Search, SearchDesk
from gateway.searches.finding import StoredReads
from gateway.searches.shares import Shares
from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.settings import GatewaySettings, Settings
from sinks.clickhouse.counting import CollectionCount, HitCount
from sinks.clickhouse.questions import Question
from sinks.clickhouse.reads import StoredPicture, StoredRead
from sinks.clickhouse.store import Store
from streams.ledger.body import Body
from streams.ledger.ledger import Ledger
from streams.ledger.people import (
    AccessApproved,
    AccessAuthorized,
    AuthorizationRevoked,
    ProgramFounded,
    RoleAssigned,
    TrainingRecorded,
)
from streams.ledger.purposes import CaseRegistered
from streams.ledger.sealing import Seals, new_log_reader, new_plate_hash_key, open_seal
from streams.ledger.signing import new_signing_key
from streams.ledger.suspending import SuspensionLifted, SuspensionOrdered
from tests.search_oracle import answer

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ANALYST, COMMANDER, ADMINISTRATOR, TRAINER = "analyst-7", "commander-1", "administrator-2", "trainer-3"
PLATE, CASE = "KLM0I5", "26-012345"


def make_keys(settings: Settings) -> Path:
    """All keys the gateway needs; gives the file of a log reader's private key."""
    private_key_file = settings.home / "auditor" / "auditor.key"
    new_plate_hash_key(settings.path(settings.gateway.plate_hash_key_file))
    public_keys_file = settings.path(settings.gateway.log_reader_keys_file)
    new_log_reader("auditor", public_keys_file=public_keys_file, private_key_file=private_key_file)
    new_signing_key(settings.path(settings.gateway.ledger_signing_key_file))
    return private_key_file


def approved(person_id: str, now: datetime, **changes: Any) -> AccessApproved:
    fields = {
        "authorization_id": new_id(),
        "person_id": person_id,
        "document_id": "memo-26-17",
        "assignment": "auto theft",
        "purpose": "stolen cars",
        "from_at": now - timedelta(days=1),
        "until_at": now + timedelta(days=90),
    }
    return AccessApproved.model_validate(fields | changes)


def granted(person_id: str, now: datetime, **changes: Any) -> Authorization:
    """An authorization as it stands once both acts are done."""
    reviewed_at = changes.pop("reviewed_at", ())
    approval = approved(person_id, now, **changes)
    return Authorization(approved=approval, approved_by=COMMANDER, authorized_by=ADMINISTRATOR, reviewed_at=reviewed_at)


def trained(person_id: str, now: datetime, **changes: Any) -> TrainingRecorded:
    fields = {
        "person_id": person_id,
        "trained_by": TRAINER,
        "document_id": "course-26-2",
        "from_at": now - timedelta(days=1),
        "until_at": now + timedelta(days=90),
    }
    return TrainingRecorded.model_validate(fields | changes)


def in_order(now: datetime = NOW, person_id: str = ANALYST) -> PersonAccess:
    """Someone against whom nothing stands."""
    return PersonAccess(
        roles=frozenset({"investigator"}),
        authorizations=(granted(person_id, now),),
        trainings=(trained(person_id, now),),
    )


def found_program(ledger: Ledger[AccessState], clock: Clock) -> None:
    """A commander, an administrator and a known case, unless they are there."""
    if not ledger.replay_all().has_commander():
        founded = ProgramFounded(commander_id=COMMANDER, administrator_id=ADMINISTRATOR, document_id="appointment-1")
        act(ledger, clock, founded, by="chief", about="program")
        case = CaseRegistered(case_number=CASE, offence_category="stolen-vehicle")
        act(ledger, clock, case, by=ADMINISTRATOR, about=CASE)


def authorize(ledger: Ledger[AccessState], clock: Clock, person_id: str = ANALYST, **changes: Any) -> None:
    """Role, approval and authorization of a person."""
    found_program(ledger, clock)
    approval = approved(person_id, clock.now(), **changes)
    authorized = AccessAuthorized(authorization_id=approval.authorization_id, person_id=person_id)
    acts: list[tuple[Body, str]] = [
        (RoleAssigned(person_id=person_id, role="investigator"), COMMANDER),
        (approval, COMMANDER),
        (authorized, ADMINISTRATOR),
    ]
    for body, by in acts:
        act(ledger, clock, body, by=by, about=person_id)


def let_in(ledger: Ledger[AccessState], clock: Clock, person_id: str = ANALYST, **changes: Any) -> None:
    """Authorize and train a person."""
    authorize(ledger, clock, person_id, **changes)
    act(ledger, clock, trained(person_id, clock.now()), by=ADMINISTRATOR, about=person_id)


def revoke(ledger: Ledger[AccessState], clock: Clock, person_id: str = ANALYST) -> None:
    body = AuthorizationRevoked(person_id=person_id, revoked_by=COMMANDER, reason="misuse")
    act(ledger, clock, body, by=COMMANDER, about=person_id)


def search_body(now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A search that no rule refuses; a change to None leaves the field out."""
    fields = {
        "plate": PLATE,
        "collected_from": (now - timedelta(days=7)).isoformat(),
        "collected_until": now.isoformat(),
        "case_number": CASE,
        "offence_category": "stolen-vehicle",
        "offence": "theft of a motor vehicle",
        "reason": "Locate the stolen car of the complainant",
        "factual_basis": "Owner reported the car stolen from Rice Street, keys left inside",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def plate_search(now: datetime = NOW, person_id: str = ANALYST, **changes: Any) -> Search:
    """The same as it comes to the desk; nothing that is wrong with it is put right."""
    body = PlateSearch.model_validate(search_body(now, **changes))
    return search_of(body, person_id, 10)


def a_desk(
    ledger: Ledger[AccessState], reads: StoredReads, clock: Clock, seals: Seals, settings: GatewaySettings
) -> SearchDesk:
    return SearchDesk(
        ledger=ledger,
        seals=seals,
        limits=limits_of(settings),
        reads=reads,
        clock=clock,
        retention_days=60,
        shares=Shares(settings.searches_at_once),
    )


def found_read(plate: str = PLATE, collected_at: datetime = NOW - timedelta(days=1)) -> StoredRead:
    return StoredRead(
        read_id=uuid4(),
        plate=plate,
        state="MN",
        collected_at=collected_at,
        received_at=collected_at + timedelta(seconds=2),
        device_id="device-1",
        latitude=44.95,
        longitude=-93.09,
        confidence=0.91,
        classification="private",
        candidates=(),
        pictures=(StoredPicture(sha256=bytes(range(32)), kind="PLATE"),),
    )


_COLUMNS = (
    "plate", "collected_at", "read_id", "state", "device_id", "received_at", "latitude", "longitude", "confidence",
    "candidates", "pictures",
)  # fmt: skip


def keep_reads(store: Store, reads: Sequence[StoredRead]) -> None:
    """Store reads in the engine; their candidates are left out."""
    rows = [
        [getattr(read, column) for column in _COLUMNS[:-2]]
        + [[], [(picture.sha256, picture.kind) for picture in read.pictures]]
        for read in reads
    ]
    if rows:
        store.client().insert("reads_landing", rows, column_names=_COLUMNS, settings={"optimize_on_insert": 0})


@dataclass
class MemoryReads:
    """Stored reads in memory; `is_away` as if the engine did not answer."""

    reads: list[StoredRead] = field(default_factory=list)
    is_away: bool = False
    times_asked: int = 0
    ended: list[UUID] = field(default_factory=list)
    collected: list[CollectionCount] = field(default_factory=list)
    hits: list[HitCount] = field(default_factory=list)

    def find(self, question: Question, search_id: UUID) -> Sequence[StoredRead]:
        self.check_reachable()
        self.times_asked += 1
        return answer(question, self.reads)

    def end(self, search_id: UUID) -> None:
        self.ended.append(search_id)

    def count_collected(self, start: datetime, end: datetime) -> Sequence[CollectionCount]:
        self.check_reachable()
        return [one for one in self.collected if start <= one.hour < end]

    def count_hits(self, start: datetime, end: datetime) -> Sequence[HitCount]:
        self.check_reachable()
        return [one for one in self.hits if start <= one.hour < end]

    def check_reachable(self) -> None:
        if self.is_away:
            raise TransientError("The engine does not answer.")


def opened(sealed: Sequence[bytes], private_key_file: Path) -> Any:
    """What the auditor finds in a request's seal."""
    return json.loads(open_seal(sealed, private_key_file))


def suspend(ledger: Ledger[AccessState], clock: Clock) -> None:
    """All use is suspended by order."""
    act(
        ledger, clock, SuspensionOrdered(document_id="order-26-1", ordered_by="court"), by=COMMANDER, about="order-26-1"
    )


def lift(ledger: Ledger[AccessState], clock: Clock) -> None:
    """Use goes on."""
    act(ledger, clock, SuspensionLifted(document_id="order-26-2"), by=COMMANDER, about="order-26-2")


def operations(described: Any) -> Iterator[tuple[str, Any]]:
    """Each operation of an OpenAPI description under its method and path."""
    for path, methods in described["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in methods.items())


def example_of(described: Any, operation: Any) -> Any:
    """The example of an operation's body."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"][0]
