"""Holds for tests, sensible unless told otherwise, and the keys and the ledger they need."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from platestream.clock import Clock
from platestream.settings import Settings
from sinks.holds.acts import HoldActs, load_hold_seals
from sinks.holds.state import HoldsState
from streams.ledger.holding import ByPlate, HoldChanged, HoldOpened, Selection
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import new_private_key
from tests.asking import make_keys


def by_plate(now: datetime) -> ByPlate:
    """Reads of the last 100 and the next 100 days."""
    return ByPlate(collected_from=now - timedelta(days=100), collected_until=now + timedelta(days=100))


def opened_hold(selection: Selection, now: datetime, **fields: Any) -> HoldOpened:
    """An investigation's hold that must be attested within 90 days."""
    return HoldOpened(
        **{
            "hold_id": uuid4(),
            "hold_kind": "investigation",
            "case_number": "26-000042",
            "document_id": "memo-1",
            "opened_by": "investigator-1",
            "attested_until": now + timedelta(days=90),
            "selection": selection,
            **fields,
        }
    )


def changed_hold(hold_id: UUID, change: str, **fields: Any) -> HoldChanged:
    return HoldChanged.model_validate(
        {"hold_id": hold_id, "change": change, "document_id": "paper-2", "changed_by": "commander-1", **fields}
    )


def hold_acts(settings: Settings, ledger: Ledger[HoldsState], clock: Clock) -> HoldActs:
    """Acts on holds with keys of their own under `settings.home`."""
    make_keys(settings)
    new_private_key(settings.path(settings.storage.holds_key_file))
    return HoldActs(ledger, clock, load_hold_seals(settings), settings.retention)
