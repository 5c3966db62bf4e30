"""The rules that decide on a search. Pure: state, request and time in, a decision out; what is not allowed is refused.

* program.administration: some role of the person lets them search, and none forbids it.
* access.list: nobody searches without an authorization in writing that stands now; one that was not reviewed within
  the review period has lapsed by itself.
* training.before-use: nobody searches before documented training.
* suspension.order: nobody searches while all use is suspended.
* use.purposes: the offence is of a known category.
* query.log: a case or incident number, a reason and a factual basis that say something, for a limited span of time.
* tracking.gate: one plate is not searched again and again without a permit.

Every rule is asked, also after one has refused, so that a decision explains itself; one refusal is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.access.limits import Limits
from gateway.access.memory import past_search
from gateway.access.purpose import check_offence, check_purpose, check_repetition, check_span
from gateway.access.roles import USES, Action, may
from gateway.access.state import AccessState, Authorization, PastSearch
from gateway.access.tracking import check_tracking
from platestream.errors import IntegrityError, RefusedError
from schemas.messages import LedgerEvent
from streams.ledger.events import SearchRequested, body_of


@dataclass(frozen=True)
class Step:
    """What one rule said: its id, and a sentence that holds neither plate nor person."""

    rule: str
    is_allowed: bool
    sentence: str


@dataclass(frozen=True)
class Decision:
    """Explains itself: what decided (the first refusal, or that there was none), and every step on the way."""

    is_allowed: bool
    rule: str
    sentence: str
    steps: tuple[Step, ...] = field(default=())


def decide(state: AccessState, requested: LedgerEvent, limits: Limits) -> Decision:
    """Allowed only when every rule allows: on the event of the request, and the state at its offset.

    Raises IntegrityError when the event is no request.
    Keeps: access.list, training.before-use, query.log, use.purposes, tracking.gate
    """
    request, person_id, now = body_of(requested), requested.actor_id, requested.at
    if not isinstance(request, SearchRequested):
        raise IntegrityError("A search was written to the ledger as something else.")
    search = past_search(requested, request)
    steps = (
        *person_steps(state, person_id, "search", now, limits),
        _step("use.purposes", "The offence is of a known category.", lambda: check_offence(request)),
        _step("query.log", "Case, reason and facts are on record.", lambda: check_purpose(request, limits)),
        _step("query.log", "The facts are this case's own.", lambda: check_repetition(state, search)),
        _step("query.log", "The span of time is within the limit.", lambda: check_span(request, limits)),
        _step("tracking.gate", "The plate is not being tracked.", lambda: check_tracking(state, search, limits)),
    )
    return _decision(steps, "Authorized in writing and trained; the purpose of the search is on record.")


def decide_found(state: AccessState, search: PastSearch, limits: Limits) -> Decision:
    """What the rules say of telling an answer that came down to the plate of `search`. Keeps: tracking.gate"""
    step = _step("tracking.gate", "The plate is not being tracked.", lambda: check_tracking(state, search, limits))
    return _decision((step,), step.sentence)


def decide_person(state: AccessState, person_id: str, action: Action, now: datetime, limits: Limits) -> Decision:
    """What the rules say of a person's action: roles; authorization, training and suspension where it shows reads."""
    return _decision(person_steps(state, person_id, action, now, limits), "Nothing about the person stands against it.")


def person_steps(state: AccessState, person_id: str, action: Action, now: datetime, limits: Limits) -> tuple[Step, ...]:
    """The steps that do not depend on what is asked."""
    role = _step(
        "program.administration", "A role allows it and none forbids it.", lambda: check_role(state, person_id, action)
    )
    if action not in USES:
        return (role,)
    return (
        _step("access.list", "An authorization stands.", lambda: check_authorized(state, person_id, now, limits)),
        role,
        _step("training.before-use", "A training on record stands.", lambda: check_trained(state, person_id, now)),
        _step("suspension.order", "Use is not suspended.", lambda: check_not_suspended(state)),
    )  # fmt: skip


def check_role(state: AccessState, person_id: str, action: Action) -> None:
    """Raises RefusedError unless the person's roles allow the action."""
    if not may(state.person(person_id).roles, action):
        raise RefusedError("program.administration", f"None of your roles allows it, or one forbids it: {action}.")


def check_authorized(state: AccessState, person_id: str, now: datetime, limits: Limits) -> None:
    """Raises RefusedError unless an authorization stands now."""
    access = state.person(person_id)
    if not access.authorizations:
        raise RefusedError("access.list", _NONE_STANDS[access.ended_by])
    if all(granted.approved.until_at <= now for granted in access.authorizations):
        raise RefusedError("access.list", "Your authorization has ended; ask an administrator to renew it.")
    if all(lapses_at(granted, limits) <= now for granted in access.authorizations):
        raise RefusedError("access.list", "Your authorization lapsed because it was not reviewed in time.")
    if not any(stands(granted, now, limits) for granted in access.authorizations):
        raise RefusedError("access.list", "Your authorization does not stand today; see its dates.")


_NONE_STANDS = {
    "revocation": "Your authorization was revoked; only a new one in writing restores it.",
    "assignment": "Your work assignment changed and your authorization ended with it; it takes a new one in writing.",
    "nothing": "You have no authorization in writing to search stored reads.",
}


_END_OF_CALENDAR = datetime.max.replace(tzinfo=UTC)


def stands(granted: Authorization, now: datetime, limits: Limits) -> bool:
    """Whether an authorization stands at a time."""
    return granted.approved.from_at <= now < min(granted.approved.until_at, lapses_at(granted, limits))


def lapses_at(granted: Authorization, limits: Limits) -> datetime:
    """When an authorization lapses by itself. A review that comes after it lapsed does not bring it back."""
    begins = granted.approved.from_at
    lapses = begins + min(limits.review, _END_OF_CALENDAR - begins)
    for reviewed_at in granted.reviewed_at:
        if reviewed_at < lapses:
            lapses = max(lapses, reviewed_at + limits.review)
    return lapses


def check_trained(state: AccessState, person_id: str, now: datetime) -> None:
    """Raises RefusedError unless a training on record stands now."""
    trainings = state.person(person_id).trainings
    if not trainings:
        raise RefusedError("training.before-use", "No training of yours is on record; searching comes after it.")
    if not any(training.from_at <= now < training.until_at for training in trainings):
        raise RefusedError("training.before-use", "Your training on record does not cover today; renew it.")


def check_not_suspended(state: AccessState) -> None:
    """Raises RefusedError while all use is suspended. Keeps: suspension.order"""
    if state.suspensions.is_in_force:
        raise RefusedError("suspension.order", "All use is suspended by order; nothing is answered until it is lifted.")


def _step(rule: str, allowed: str, check: Callable[[], None]) -> Step:
    try:
        check()
    except RefusedError as refused:
        return Step(refused.rule, False, str(refused))
    return Step(rule, True, allowed)


def _decision(steps: tuple[Step, ...], allowed: str) -> Decision:
    refused = next((step for step in steps if not step.is_allowed), None)
    if refused is not None:
        return Decision(False, refused.rule, refused.sentence, steps)
    return Decision(True, steps[-1].rule if len(steps) == 1 else "query.log", allowed, steps)
