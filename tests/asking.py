"""What tests of the gateway and the ledger share: keys, people on the access list, a search that is in order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from gateway.access.administration import authorize, record_training
from gateway.searches.plate import PlateQuestion
from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.settings import Settings
from schemas.plates import fold
from sinks.clickhouse.reads import StoredPicture, StoredRead
from streams.ledger.events import AuthorizationGranted, TrainingRecorded
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import new_log_reader, new_plate_hash_key, open_seal

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ANALYST, COMMANDER, ADMINISTRATOR, TRAINER = "analyst-7", "commander-1", "administrator-2", "trainer-3"
PLATE = "KLM0I5"


def make_keys(settings: Settings) -> Path:
    """All keys the gateway needs; gives the file of a log reader's private key."""
    private_key_file = settings.home / "auditor" / "auditor.key"
    new_plate_hash_key(settings.path(settings.gateway.plate_hash_key_file))
    public_keys_file = settings.path(settings.gateway.log_reader_keys_file)
    new_log_reader("auditor", public_keys_file=public_keys_file, private_key_file=private_key_file)
    return private_key_file


def granted(person_id: str, now: datetime, **changes: Any) -> AuthorizationGranted:
    fields = {
        "person_id": person_id,
        "document_id": "memo-26-17",
        "assignment": "auto theft",
        "approved_by": COMMANDER,
        "authorized_by": ADMINISTRATOR,
        "from_at": now - timedelta(days=1),
        "until_at": now + timedelta(days=90),
    }
    return AuthorizationGranted.model_validate(fields | changes)


def trained(person_id: str, now: datetime, **changes: Any) -> TrainingRecorded:
    fields = {
        "person_id": person_id,
        "trained_by": TRAINER,
        "document_id": "course-26-2",
        "from_at": now - timedelta(days=1),
        "until_at": now + timedelta(days=90),
    }
    return TrainingRecorded.model_validate(fields | changes)


def let_in(ledger: Ledger[Any], clock: Clock, person_id: str = ANALYST) -> None:
    """Authorize and train a person."""
    authorize(ledger, clock, granted(person_id, clock.now()))
    record_training(ledger, clock, trained(person_id, clock.now()))


def search_body(now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A search that no rule refuses; a change to None leaves the field out."""
    fields = {
        "plate": PLATE,
        "collected_from": (now - timedelta(days=7)).isoformat(),
        "collected_until": now.isoformat(),
        "case_number": "26-012345",
        "offence": "theft of a motor vehicle",
        "reason": "Locate the stolen car of the complainant",
        "factual_basis": "Owner reported the car stolen from Rice Street, keys left inside",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


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


@dataclass
class MemoryReads:
    """Stored reads in memory; `is_away` as if the engine did not answer."""

    reads: list[StoredRead] = field(default_factory=list)
    is_away: bool = False
    times_asked: int = 0

    def find(self, question: PlateQuestion) -> Sequence[StoredRead]:
        self.check_reachable()
        self.times_asked += 1
        found = [
            read
            for read in self.reads
            if fold(read.plate) == fold(question.plate)
            and question.collected_from <= read.collected_at < question.collected_until
        ]
        return sorted(found, key=lambda read: read.collected_at, reverse=True)[: question.row_limit]

    def check_reachable(self) -> None:
        if self.is_away:
            raise TransientError("The engine does not answer.")


def opened(sealed: Sequence[bytes], private_key_file: Path) -> Any:
    """What the auditor finds in a request's seal."""
    return json.loads(open_seal(sealed, private_key_file))
