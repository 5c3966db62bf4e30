"""What the routes of holds, evidence packages and suppressed plates stand on, inside the storage process."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.evidence.desk import History
from platestream.clock import Clock
from platestream.settings import Settings
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldActs, load_hold_seals
from sinks.holds.reading import HeldReads, StoredHolds
from sinks.holds.state import HoldsState
from sinks.pictures.store import PictureStore
from streams.ledger.kafka import TOPIC
from streams.ledger.ledger import Ledger
from streams.ledger.reading import read_topic
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import SuppressedPlate


class KeepsSuppressions(Protocol):
    """Writes the list of suppressed plates. Raises InvalidMessage for no plate, TransientError when it fails."""

    def suppress(self, plate: str, until_at: datetime | None = None) -> None: ...

    def release(self, plate: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """`history` reads the whole ledger as bytes; `suppressed` lists all plates that were ever suppressed."""

    holds: HoldActs
    held: HeldReads
    pictures: PictureStore
    history: History
    suppressions: KeepsSuppressions
    suppressed: Callable[[], Iterable[SuppressedPlate]]


def open_keeping(  # noqa: PLR0913 - what it stands on
    settings: Settings,
    store: Store,
    *,
    clock: Clock,
    holds: Ledger[HoldsState],
    pictures: PictureStore,
    suppressions: KeepsSuppressions,
    plates: SuppressedPlates,
    topic: str = TOPIC,
) -> Keeping:
    """On the broker and the store of the settings. Raises ConfigError when a key is missing."""
    return Keeping(
        holds=HoldActs(holds, clock, load_hold_seals(settings), settings.retention),
        held=StoredHolds(store),
        pictures=pictures,
        history=lambda: read_topic(settings.kafka, topic),
        suppressions=suppressions,
        suppressed=plates.listed,
    )
