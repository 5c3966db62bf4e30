"""Every act of administration: whether its actor may do it, and what it changes. Pure.

An act that its actor may not do stands in the ledger like any other and changes nothing, so whoever folds the ledger
sees what was tried. What takes access away counts whoever wrote it: deny wins.
"""

from gateway.access.people_acts import PEOPLE_CHANGES, PEOPLE_CHECKS
from gateway.access.purpose_acts import PURPOSE_CHANGES, PURPOSE_CHECKS
from gateway.access.state import AccessState
from platestream.errors import RefusedError
from schemas.messages import LedgerEvent
from streams.ledger.body import Body
from streams.ledger.events import body_of
from streams.ledger.people import PEOPLE
from streams.ledger.purposes import PURPOSES

ACT_KINDS = frozenset(body.kind for body in (*PEOPLE, *PURPOSES))
_CHECKS = {**PEOPLE_CHECKS, **PURPOSE_CHECKS}
_CHANGES = {**PEOPLE_CHANGES, **PURPOSE_CHANGES}


def check_act(state: AccessState, event: LedgerEvent) -> None:
    """Raises RefusedError unless the event's actor may do this on this state."""
    body = body_of(event)
    if check := _CHECKS.get(type(body)):
        check(state, event, body)


def is_checked(body: type[Body]) -> bool:
    """Whether the fold judges who did it; an act of another kind counts whoever wrote it."""
    return body in _CHECKS


def fold_act(state: AccessState, event: LedgerEvent) -> AccessState:
    """The state after an act; the same state when it was refused."""
    try:
        check_act(state, event)
    except RefusedError:
        return state
    body = body_of(event)
    return _CHANGES[type(body)](state, event, body)
