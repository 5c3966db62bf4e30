"""The fold of the ledger into the state that decisions rest on."""

from gateway.access.acts import ACT_KINDS, fold_act
from gateway.access.memory import remember_asked, remember_decided
from gateway.access.purpose_acts import GATEWAY
from gateway.access.state import AccessState
from schemas.messages import LedgerEvent
from streams.ledger.events import SearchDecided, SearchRequested, body_of


def fold_access(state: AccessState, offset: int, event: LedgerEvent) -> AccessState:
    """The state after one more event. Order counts, not the writers' clocks. Keeps: access.list"""
    if event.kind in ACT_KINDS:
        return fold_act(state, event)
    if event.kind not in {SearchRequested.kind, SearchDecided.kind}:
        return state
    body = body_of(event)
    if isinstance(body, SearchRequested):
        return remember_asked(state, event, body)
    if isinstance(body, SearchDecided) and event.actor_id == GATEWAY:
        return remember_decided(state, event, body)
    return state
