"""The fold of the ledger into the state that decisions rest on."""

from dataclasses import replace

from gateway.access.acts import ACT_KINDS, fold_act
from gateway.access.memory import remember_asked, remember_decided, remember_told
from gateway.access.purpose_acts import GATEWAY
from gateway.access.state import AccessState
from gateway.public_use import PUBLISHING_KINDS, fold_public_use
from schemas.messages import LedgerEvent
from streams.ledger.events import HeadSigned, SearchAnswered, SearchDecided, SearchRequested, body_of
from streams.ledger.suspending import SUSPENSION_KINDS, fold_suspensions


def fold_access(state: AccessState, offset: int, event: LedgerEvent) -> AccessState:
    """The state after one more event. Order counts, not the writers' clocks. Keeps: access.list"""
    if event.kind in ACT_KINDS:
        return fold_act(state, event)
    if event.kind == HeadSigned.kind:
        return replace(state, head_signed_at=event.at)
    if event.kind in SUSPENSION_KINDS:
        return replace(state, suspensions=fold_suspensions(state.suspensions, offset, event))
    if event.kind in PUBLISHING_KINDS:
        return replace(state, public=fold_public_use(state.public, event))
    return _fold_search(state, event)


def _fold_search(state: AccessState, event: LedgerEvent) -> AccessState:
    is_told = event.kind == SearchAnswered.kind and event.plate_hash is not None
    body = body_of(event) if is_told or event.kind in {SearchRequested.kind, SearchDecided.kind} else None
    if isinstance(body, SearchRequested):
        return remember_asked(state, event, body)
    if isinstance(body, SearchDecided) and event.actor_id == GATEWAY:
        return remember_decided(state, event, body)
    if isinstance(body, SearchAnswered):
        return remember_told(state, event, body)
    return state
