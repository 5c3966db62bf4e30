"""Who may register cases, permit tracking and look at flags, and what each act changes.

Keeps: tracking.gate, penalty.detect
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gateway.access.checks import check_dates, check_may, check_other
from gateway.access.state import AccessState, Flag, Permit
from gateway.access.words import is_boiler_plate
from platestream.errors import RefusedError
from schemas.messages import LedgerEvent
from streams.ledger.purposes import (
    CaseClosed,
    CaseRegistered,
    FlagReviewed,
    MisuseFlagged,
    StaffPlateNoted,
    TrackingEnded,
    TrackingPermitted,
)

GATEWAY = "gateway"  # the actor of what the gateway itself finds; no person can have this id
_GATE, _DETECT = "tracking.gate", "penalty.detect"
_TEXT_WORDS = 4


def _check_case(state: AccessState, event: LedgerEvent, body: CaseRegistered | CaseClosed) -> None:
    check_may(state, event, "register-case", "query.log")


def _check_permit(state: AccessState, event: LedgerEvent, body: TrackingPermitted) -> None:
    check_other(_GATE, event, body.person_id)
    check_may(state, event, "permit-tracking", _GATE)
    check_dates(_GATE, event.at, body.until_at)
    if event.plate_hash is None:
        raise RefusedError(_GATE, "A permit is for one plate; name it.")
    if is_boiler_plate(body.text, _TEXT_WORDS):
        raise RefusedError(_GATE, "The permit says too little; state the facts that it rests on.")


def _check_staff_plate(state: AccessState, event: LedgerEvent, body: StaffPlateNoted) -> None:
    check_may(state, event, "record-training", _DETECT)


def _check_flag(state: AccessState, event: LedgerEvent, body: MisuseFlagged) -> None:
    if event.actor_id != GATEWAY:
        raise RefusedError(_DETECT, "Flags are raised by the gateway.")


def _check_flag_review(state: AccessState, event: LedgerEvent, body: FlagReviewed) -> None:
    check_may(state, event, "review-flags", _DETECT)
    flag = state.flags.get(body.flag_id)
    if flag is None or flag.flagged.person_id == event.actor_id:  # one answer: nobody learns that they were flagged
        raise RefusedError(_DETECT, "There is no such flag for you to look at.")


def _permit(state: AccessState, event: LedgerEvent, body: TrackingPermitted) -> AccessState:
    permit = Permit(permitted=body, plate_hash=event.plate_hash or b"", at=event.at)
    standing = tuple(one for one in state.permits if one.permitted.until_at > event.at)
    return replace(state, permits=(*standing, permit))


def _end_permit(state: AccessState, event: LedgerEvent, body: TrackingEnded) -> AccessState:
    return replace(state, permits=tuple(one for one in state.permits if one.permitted.permit_id != body.permit_id))


def _note_staff_plate(state: AccessState, event: LedgerEvent, body: StaffPlateNoted) -> AccessState:
    if event.plate_hash is None:
        return state
    return replace(state, staff_plates=MappingProxyType({**state.staff_plates, event.plate_hash: body.person_id}))


def _flag(state: AccessState, event: LedgerEvent, body: MisuseFlagged) -> AccessState:
    if body.flag_id in state.flags:
        return state
    flags = {**state.flags, body.flag_id: Flag(flagged=body, at=event.at)}
    return replace(state, flags=MappingProxyType(flags))


def _review_flag(state: AccessState, event: LedgerEvent, body: FlagReviewed) -> AccessState:
    flags = {**state.flags, body.flag_id: replace(state.flags[body.flag_id], reviewed=body)}
    return replace(state, flags=MappingProxyType(flags))


PURPOSE_CHECKS: Mapping[type, Callable[[AccessState, LedgerEvent, Any], None]] = {
    CaseRegistered: _check_case,
    CaseClosed: _check_case,
    TrackingPermitted: _check_permit,
    StaffPlateNoted: _check_staff_plate,
    MisuseFlagged: _check_flag,
    FlagReviewed: _check_flag_review,
}
PURPOSE_CHANGES: Mapping[type, Callable[[AccessState, LedgerEvent, Any], AccessState]] = {
    CaseRegistered: lambda state, event, body: replace(state, cases=state.cases | {body.case_number}),
    CaseClosed: lambda state, event, body: replace(state, cases=state.cases - {body.case_number}),
    TrackingPermitted: _permit,
    TrackingEnded: _end_permit,
    StaffPlateNoted: _note_staff_plate,
    MisuseFlagged: _flag,
    FlagReviewed: _review_flag,
}
