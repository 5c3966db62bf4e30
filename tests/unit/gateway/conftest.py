"""A gateway on doubles: the ledger and the reads in memory, a clock that stands."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from gateway.access.tokens import issue_token
from gateway.app import create_gateway
from gateway.keeping import Keeping
from platestream.clock import SetClock
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.plates import fold, normalise_plate
from sinks.holds.reading import HeldAlert, HeldRead
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.memory import MemoryLedger
from streams.suppressions.secrecy import SuppressedPlate
from tests.asking import ANALYST, NOW, MemoryReads, make_keys
from tests.holding import hold_acts
from tests.proving import as_stored


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def ledger(codec: Codec) -> MemoryLedger[AccessState]:
    return MemoryLedger(codec, fold_access, AccessState())


@dataclass
class MemoryHeld:
    """What holds keep, in memory."""

    reads: dict[UUID, list[HeldRead]] = field(default_factory=dict)
    told: dict[UUID, list[HeldAlert]] = field(default_factory=dict)

    def count(self, hold_id: UUID) -> int:
        return len(self.reads.get(hold_id, ()))

    def read(self, hold_id: UUID) -> Iterator[HeldRead]:
        return iter(self.reads.get(hold_id, ()))

    def alerts(self, hold_id: UUID) -> Iterator[HeldAlert]:
        return iter(self.told.get(hold_id, ()))


@dataclass
class MemoryList:
    """The list of suppressed plates, in memory: folded plate and until when."""

    plates: dict[str, datetime | None] = field(default_factory=dict)

    def suppress(self, plate: str, until_at: datetime | None = None) -> None:
        self.plates[fold(normalise_plate(plate))] = until_at

    def release(self, plate: str) -> None:
        self.plates[fold(normalise_plate(plate))] = NOW

    def listed(self) -> list[SuppressedPlate]:
        return [
            SuppressedPlate(folded=plate.encode(), since_at=NOW, until_at=until_at)
            for plate, until_at in self.plates.items()
        ]


@dataclass
class Asked:
    """A running gateway and what stands behind it."""

    app: FastAPI
    client: TestClient
    ledger: MemoryLedger[AccessState]
    reads: MemoryReads
    clock: SetClock
    settings: Settings
    private_key_file: Path
    held: MemoryHeld
    list: MemoryList

    def token(self, person_id: str = ANALYST) -> dict[str, str]:
        token = issue_token(self.settings, person_id, timedelta(hours=1), self.clock)
        return {"Authorization": f"Bearer {token}"}

    def search(self, body: Any, person_id: str = ANALYST, *, path: str = "", explain: bool = False) -> Any:
        """`path` is of a kind, such as /area, with what else stands in the address."""
        headers = self.token(person_id) | {"Content-Type": "application/json"}
        address = f"/v1/searches{path}" + ("?explain=1" if explain else "")
        return self.client.post(address, content=json.dumps(body), headers=headers)

    def write(self, body: Body, *, by: str, about: str) -> None:
        """An event as it stands in the ledger, whoever wrote it."""
        self.ledger.append(new_event(body, at=self.clock.now(), actor_id=by, subject_id=about))

    def kinds(self) -> list[str]:
        """Kinds of the searches' events, in their order."""
        return [event.kind for event in self.ledger.events() if event.kind.startswith("search-")]


@pytest.fixture
def asked(settings: Settings, clock: SetClock, ledger: MemoryLedger[AccessState], codec: Codec) -> Iterator[Asked]:
    private_key_file = make_keys(settings)
    reads, held, list_ = MemoryReads(), MemoryHeld(), MemoryList()
    holds = MemoryLedger(codec, fold_holds, HoldsState(), log=ledger.log)
    keeping = Keeping(
        holds=hold_acts(settings, holds, clock),
        held=held,
        pictures=PictureStore(settings),
        history=lambda: as_stored(codec, ledger.events()),
        suppressions=list_,
        suppressed=list_.listed,
    )
    app = create_gateway(settings, reads, ledger, clock, keeping)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Asked(app, client, ledger, reads, clock, settings, private_key_file, held, list_)
