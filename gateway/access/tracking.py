"""The tracking gate: one plate is not searched again and again unless a supervisor put on record why it may be."""

from datetime import datetime

from gateway.access.limits import Limits
from gateway.access.memory import is_page
from gateway.access.state import AccessState, PastSearch, Permit
from platestream.errors import RefusedError


def check_tracking(state: AccessState, search: PastSearch, limits: Limits) -> None:
    """Raises RefusedError when the plate was searched for too often lately, by anyone, and no permit covers it.

    Keeps: tracking.gate
    """
    if search.plate_hash is None or is_page(state, search) or is_permitted(state, search, limits):
        return
    since = search.at - limits.tracking
    lately = sum(past.at > since for past in state.searches_for(search.plate_hash))
    if lately >= limits.tracking_searches:
        raise RefusedError(
            "tracking.gate",
            f"This plate was searched for {limits.tracking_searches} times in {limits.tracking.days} days; more needs "
            "a warrant, or an exigency that a supervisor puts on record.",
        )


def is_permitted(state: AccessState, search: PastSearch, limits: Limits) -> bool:
    """Whether a permit stands for this person, plate and case at the time of the search."""
    return any(
        permit.plate_hash == search.plate_hash
        and permit.permitted.person_id == search.person_id
        and permit.permitted.case_number == search.case_number
        and permit.at <= search.at < _ends_at(permit, limits)
        for permit in state.permits
    )


def _ends_at(permit: Permit, limits: Limits) -> datetime:
    if permit.permitted.basis == "warrant":
        return permit.permitted.until_at
    return min(permit.permitted.until_at, permit.at + limits.exigency)
