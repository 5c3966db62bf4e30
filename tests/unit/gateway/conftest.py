"""A gateway on doubles: the ledger and the reads in memory, a clock that stands."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from gateway.access.tokens import issue_token
from gateway.app import create_gateway
from platestream.clock import SetClock
from platestream.settings import Settings
from schemas.codec import Codec
from streams.ledger.memory import MemoryLedger
from tests.asking import ANALYST, NOW, MemoryReads, make_keys


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
class Asked:
    """A running gateway and what stands behind it."""

    app: FastAPI
    client: TestClient
    ledger: MemoryLedger[AccessState]
    reads: MemoryReads
    clock: SetClock
    settings: Settings
    private_key_file: Path

    def token(self, person_id: str = ANALYST) -> dict[str, str]:
        token = issue_token(self.settings, person_id, timedelta(hours=1), self.clock)
        return {"Authorization": f"Bearer {token}"}

    def search(self, body: Any, person_id: str = ANALYST, *, path: str = "", explain: bool = False) -> Any:
        """`path` is of a kind, such as /area, with what else stands in the address."""
        headers = self.token(person_id) | {"Content-Type": "application/json"}
        address = f"/v1/searches{path}" + ("?explain=1" if explain else "")
        return self.client.post(address, content=json.dumps(body), headers=headers)

    def kinds(self) -> list[str]:
        """Kinds of the searches' events, in their order."""
        return [event.kind for event in self.ledger.events() if event.kind.startswith("search-")]


@pytest.fixture
def asked(settings: Settings, clock: SetClock, ledger: MemoryLedger[AccessState]) -> Iterator[Asked]:
    private_key_file = make_keys(settings)
    reads = MemoryReads()
    app = create_gateway(settings, reads, ledger, clock)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Asked(app, client, ledger, reads, clock, settings, private_key_file)
