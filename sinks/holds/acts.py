"""What people do to holds. Each act is one ledger event; commands and API call these functions.

The plates and read ids that a hold names are sealed to the log readers and to the storage process, which must find
them, and stand nowhere else.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from platestream.clock import Clock
from platestream.errors import RefusedError
from platestream.settings import RetentionSettings, Settings
from schemas.plates import fold
from sinks.holds.state import Hold, HoldsState
from streams.ledger.events import new_event
from streams.ledger.holding import ByArea, HoldChanged, HoldOpened, Polygon
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import Seals, load_seals, open_seal, read_private_key

_MOST_NAMED = 5000
_RULE = "evidence.copy"
_LEAST_SQUARE_DEGREES = 1e-9  # some ten square metres


@dataclass(frozen=True)
class Named:
    """The plates, folded, or the reads that a hold names."""

    plates: tuple[str, ...] = field(default=(), repr=False)
    read_ids: tuple[UUID, ...] = field(default=(), repr=False)


class HoldKey:
    """Opens what holds name. Raises ConfigError when the key of `storage.holds_key_file` cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.path(settings.storage.holds_key_file)
        read_private_key(self._file)

    def named_by(self, hold: Hold) -> Named:
        """Raises InvalidMessage when it was sealed to another key."""
        if not hold.sealed:
            return Named()
        opened = json.loads(open_seal(hold.sealed, self._file))
        return Named(tuple(opened["plates"]), tuple(UUID(id_) for id_ in opened["read_ids"]))


def load_hold_seals(settings: Settings) -> Seals:
    """Seals that the log readers and the storage process open. Raises ConfigError when a key is missing."""
    holds_key = read_private_key(settings.path(settings.storage.holds_key_file))
    return load_seals(settings, also_to=[holds_key.public_key])


@dataclass(frozen=True)
class HoldActs:
    """Writes the acts of people on holds, after the rules of the order."""

    ledger: Ledger[HoldsState]
    clock: Clock
    seals: Seals
    limits: RetentionSettings

    def open(self, opened: HoldOpened, named: Named = Named()) -> int:  # noqa: B008 - frozen
        """Open a hold; gives the event's offset. What is in the ledger before a sweep is kept by it.

        Raises RefusedError when it names nothing or too much, or stands longer than it may without being attested;
        TransientError when the ledger is away. Keeps: evidence.copy, retention.exculpatory
        """
        _check_named(opened, named)
        _check_area(opened)
        self._check_attested(opened)
        if opened.hold_id in self.ledger.replay_all().holds:
            raise RefusedError(_RULE, "A hold of this id is open already; give the new one an id of its own.")
        plates = sorted({fold(plate) for plate in named.plates})
        content = {"plates": plates, "read_ids": [read_id.hex for read_id in named.read_ids]}
        sealed = self.seals.seal(json.dumps(content).encode()) if plates or named.read_ids else ()
        return self.ledger.append(
            new_event(
                opened, at=self.clock.now(), actor_id=opened.opened_by, subject_id=str(opened.hold_id), sealed=sealed
            )
        )

    def change(self, changed: HoldChanged) -> int:
        """Attest it, or say that investigation or charge are over; gives the event's offset.

        Raises RefusedError when the hold is not open or the act is not for its kind, TransientError when the ledger is
        away. Keeps: retention.inactive, retention.exculpatory
        """
        hold = self.ledger.replay_all().holds.get(changed.hold_id)
        if hold is None:
            raise RefusedError(_RULE, "No hold of this id is open.")
        if changed.change == "inactive" and not hold.is_investigation:
            raise RefusedError("retention.exculpatory", "A charged person's hold ends with the charge's disposition.")
        if changed.change == "disposed" and hold.is_investigation:
            raise RefusedError("retention.inactive", "An investigation's hold ends by the retention schedule.")
        if hold.is_disposed:
            raise RefusedError("retention.exculpatory", "The charge is disposed of; open a new hold.")
        self._check_attested(changed)
        event = new_event(changed, at=self.clock.now(), actor_id=changed.changed_by, subject_id=str(changed.hold_id))
        return self.ledger.append(event)

    def _check_attested(self, body: HoldOpened | HoldChanged) -> None:
        if body.attested_until is None:
            return
        now, longest = self.clock.now(), timedelta(days=self.limits.attestation_days)
        if not now < body.attested_until <= now + longest:
            raise RefusedError(
                "retention.inactive", f"A hold must be attested again within {longest.days} days, and not in the past."
            )


def _check_named(opened: HoldOpened, named: Named) -> None:
    wanted = {"plate": len(named.plates), "reads": len(named.read_ids)}.get(opened.selection.by)
    if wanted == 0:
        raise RefusedError(_RULE, "The hold names no plate and no read; name what it is to keep.")
    if wanted != len(named.plates) + len(named.read_ids) and (named.plates or named.read_ids):
        raise RefusedError(_RULE, "The hold names plates or reads that its selection does not use.")
    if len(named.plates) + len(named.read_ids) > _MOST_NAMED:
        raise RefusedError(_RULE, f"A hold names {_MOST_NAMED} plates or reads at most; open several.")
    if opened.selection.by == "reads" and opened.selection.read_count != len(named.read_ids):
        raise RefusedError(_RULE, "The hold does not name as many reads as it says.")


def _check_area(opened: HoldOpened) -> None:
    selection = opened.selection
    if isinstance(selection, ByArea) and isinstance(selection.area, Polygon):
        if selection.area.square_degrees() < _LEAST_SQUARE_DEGREES:
            raise RefusedError(_RULE, "The polygon encloses no area; name points that are not on one line.")
