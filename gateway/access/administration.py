"""What administrators do. Each act is one ledger event; commands and API call these functions.

An act is written first and judged on the state before it, as every fold judges it: one that its actor may not do is in
the ledger and changes nothing.
"""

from uuid import UUID, uuid4

from gateway.access.acts import check_act
from gateway.access.state import AccessState
from platestream.clock import Clock
from streams.ledger.body import Body
from streams.ledger.events import new_event
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import Seals


def act(ledger: Ledger[AccessState], clock: Clock, body: Body, *, by: str, about: str) -> int:
    """Write an act of `by` about a person or thing; gives the event's offset once it counts.

    No search asked after this returned escapes a revocation. Keeps: access.approval

    Raises RefusedError when it does not count, TransientError when the ledger is away.
    """
    event = new_event(body, at=clock.now(), actor_id=by, subject_id=about)
    offset = ledger.append(event)
    check_act(ledger.replay_to(offset - 1), event)
    return offset


def act_on_plate(ledger: Ledger[AccessState], clock: Clock, body: Body, *, by: str, plate: str, seals: Seals) -> int:
    """The same for an act about a plate, which is sealed and hashed; the event's subject is one of its own."""
    event = new_event(
        body,
        at=clock.now(),
        actor_id=by,
        subject_id=str(uuid4()),
        sealed=seals.seal(plate.encode()),
        plate_hash=seals.hash_plate(plate),
    )
    offset = ledger.append(event)
    check_act(ledger.replay_to(offset - 1), event)
    return offset


def new_id() -> UUID:
    """An id for an authorization or a permit."""
    return uuid4()
