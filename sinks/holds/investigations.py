"""What of suppressed plates is stored all the same: reads that an active investigation is about.

The list and the ledger are asked once for each piece that is sorted, the ledger to its end and only when a suppressed
plate is in the piece. So a hold that stood in the ledger before a read was sorted keeps it; one that comes later finds
nothing, as the law has it. Such a read goes into `reads` like any other, the next round copies it into its hold and
takes it out of `reads` a minute later (sinks/retention/suppression.py).

Keeps: retention.suppressed
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from platestream.clock import Clock
from platestream.settings import Settings
from schemas.messages import Alert, Picture, PlateRead
from schemas.plates import fold
from sinks.holds.acts import HoldKey, Named
from sinks.holds.matching import matches
from sinks.holds.state import Hold, HoldsState
from sinks.retention.suppression import Suppressed
from streams.ledger.holding import ByPlate, ByReads
from streams.ledger.ledger import Ledger


@dataclass(frozen=True)
class Investigations:
    """Holds of active investigations with what they name."""

    holds: Collection[tuple[Hold, Named]] = field(repr=False)

    def may_keep(self, read: PlateRead | Alert) -> bool:
        """Whether one is about this read, or the read of this alert."""
        return any(matches(hold.opened.selection, named, read) for hold, named in self._about(read.plate))

    def may_keep_picture(self, picture: Picture) -> bool:
        """Whether one names its plate or its read. A picture does not say where it was taken."""
        for hold, named in self._about(picture.plate):
            selection = hold.opened.selection
            if isinstance(selection, ByReads) and picture.read_id in named.read_ids:
                return True
            if isinstance(selection, ByPlate) and selection.covers(picture.collected_at):
                return True
        return False

    def _about(self, plate: str) -> list[tuple[Hold, Named]]:
        """Without those that name other plates."""
        folded = fold(plate)
        return [(hold, named) for hold, named in self.holds if not named.plates or folded in named.plates]


@dataclass(frozen=True)
class Withheld:
    """The folded plates that are suppressed at one moment; the active investigations are asked for when needed."""

    plates: Collection[bytes] = field(default=frozenset(), repr=False)
    ask: Callable[[], Investigations] = lambda: Investigations(())

    @cached_property
    def investigations(self) -> Investigations:
        return self.ask()

    def withholds(self, picture: Picture) -> bool:
        """Whether nothing of this picture may be stored."""
        return fold(picture.plate).encode() in self.plates and not self.investigations.may_keep_picture(picture)


class Withholding:
    """Gives what is withheld now. Raises ConfigError when the key of holds cannot be used."""

    def __init__(self, settings: Settings, suppressed: Suppressed, ledger: Ledger[HoldsState], clock: Clock) -> None:
        self._suppressed, self._ledger, self._clock = suppressed, ledger, clock
        self._key = HoldKey(settings)
        self._named: dict[UUID, Named] = {}  # unsealed once, and let go of with the hold

    def __call__(self) -> Withheld:
        return Withheld(self._suppressed.in_force(self._clock.now()), self._investigations)

    def _investigations(self) -> Investigations:
        """Raises TransientError when the ledger does not answer: without it nothing can be decided."""
        state, now = self._ledger.replay_all(), self._clock.now()
        active = [hold for hold in state.holds.values() if hold.is_active_investigation(now)]
        self._named = {hold.id: self._named.get(hold.id) or self._key.named_by(hold) for hold in active}
        return Investigations([(hold, self._named[hold.id]) for hold in active])


def nothing_withheld() -> Withheld:
    """Nobody is on the list."""
    return Withheld()
