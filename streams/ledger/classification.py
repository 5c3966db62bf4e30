"""How each kind of event is classified when the ledger is shown to the public: event by event, each with its reason.

Reasons are sections of the Minnesota Government Data Practices Act. An event is withheld whole, because its leaf stands
for all of it; its kind is told, so that the public can count what it cannot read.
"""

from typing import NamedTuple

from platestream.errors import ConfigError
from streams.ledger.proof import Event, read_event


class Withheld(NamedTuple):
    """What an export says of an event that it withholds."""

    kind: str
    classification: str
    reason: str


PUBLIC = None
_PERSONNEL = ("private", "13.43 subd. 4")  # reasons and complaints; names, roles and training are public
_INVESTIGATION = ("confidential", "13.82 subd. 7")  # active criminal investigative data
_PLATES = ("private", "13.824 subd. 2")  # sealed plates, read ids, keyed hashes

CLASSIFICATIONS: dict[str, tuple[str, str] | None] = {
    "program-founded": PUBLIC,
    "role-assigned": PUBLIC,
    "role-ended": PUBLIC,
    "delegation-given": PUBLIC,
    "delegation-ended": PUBLIC,
    "access-requested": _PERSONNEL,
    "access-approved": PUBLIC,
    "access-denied": _PERSONNEL,
    "access-authorized": PUBLIC,
    "access-reviewed": PUBLIC,
    "authorization-revoked": _PERSONNEL,
    "assignment-changed": PUBLIC,
    "training-recorded": PUBLIC,
    "case-registered": _INVESTIGATION,
    "case-closed": _INVESTIGATION,
    "tracking-permitted": _INVESTIGATION,
    "tracking-ended": _INVESTIGATION,
    "staff-plate-noted": _PLATES,
    "misuse-flagged": _PERSONNEL,
    "flag-reviewed": _PERSONNEL,
    "search-requested": _PLATES,
    "search-decided": PUBLIC,
    "search-answered": _PLATES,
    "picture-requested": _PLATES,
    "picture-answered": PUBLIC,
    "hold-opened": _INVESTIGATION,
    "hold-changed": _INVESTIGATION,
    "hold-ended": _INVESTIGATION,
    "suspension-ordered": PUBLIC,
    "suspension-lifted": PUBLIC,
    "evidence-requested": _INVESTIGATION,
    "evidence-packaged": _INVESTIGATION,
    "act-refused": _PERSONNEL,
    "destruction-started": PUBLIC,
    "destruction-certified": PUBLIC,
    "reader-placed": PUBLIC,
    "reader-removed": PUBLIC,
    "list-loaded": PUBLIC,
    "ledger-head-signed": PUBLIC,
}


def withheld_from_public(event: Event) -> Withheld | None:
    """Why the public does not get an event; None when it does. Keeps: classification.private

    Raises ConfigError for a kind that nobody has classified: neither choice is ours to guess.
    """
    content = read_event(event.value)
    kind = content["kind"]
    if kind not in CLASSIFICATIONS:
        raise ConfigError(f"Event {event.offset} is of a kind that is not classified here; newer software wrote it.")
    classified = CLASSIFICATIONS[kind]
    if classified is None and (content["sealed"] or content["plate_hash"]):
        classified = _PLATES
    return Withheld(kind, *classified) if classified else None
