"""Finds what looks like misuse, for another person to look at. Nothing here refuses, nobody learns of a flag on them.

* same-plate: one person searches for one plate on several days under changing reasons.
* off-shift: a search outside the hours of the assignment.
* burst: very many searches in an hour.
* unknown-case: an allowed search for a case or incident that nobody registered.
* staff-plate: a plate of someone of the program, their own or a colleague's.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time, timedelta
from uuid import NAMESPACE_OID, uuid5

from gateway.access.decisions import stands
from gateway.access.limits import Limits
from gateway.access.roles import may
from gateway.access.state import AccessState, Flag, PastSearch
from streams.ledger.purposes import Detector, MisuseFlagged

_DAYS = 3
_HOUR = timedelta(hours=1)

Found = tuple[PastSearch, ...]  # the searches that look like it, the last one included; empty when none does


def detect(state: AccessState, search: PastSearch, limits: Limits) -> Iterator[MisuseFlagged]:
    """New flags for a search, on the state at its offset; a fact is flagged once a week. Keeps: penalty.detect"""
    return _look(tuple(_DETECTORS), state, search, limits)


def detect_by_plate(state: AccessState, search: PastSearch, limits: Limits) -> Iterator[MisuseFlagged]:
    """New flags for the plate that a search came down to; the search itself was looked at. Keeps: penalty.detect"""
    return _look(("same-plate", "staff-plate"), state, search, limits)


def _look(
    detectors: tuple[Detector, ...], state: AccessState, search: PastSearch, limits: Limits
) -> Iterator[MisuseFlagged]:
    for detector in detectors:
        if searches := _DETECTORS[detector](state, search, limits):
            flag = _flag(detector, search, searches)
            if flag.flag_id not in state.flags:
                yield flag


def queue_of(state: AccessState, reviewer_id: str) -> tuple[Flag, ...]:
    """The flags that wait for someone and may be seen by this reviewer: never those on the reviewer. Oldest first."""
    if not may(state.person(reviewer_id).roles, "review-flags"):
        return ()
    waiting = (flag for flag in state.flags.values() if flag.reviewed is None)
    return tuple(sorted((flag for flag in waiting if flag.flagged.person_id != reviewer_id), key=lambda flag: flag.at))


def _flag(detector: Detector, search: PastSearch, searches: Found) -> MisuseFlagged:
    week = "-".join(map(str, search.at.isocalendar()[:2]))
    about = {"same-plate": search.plate_hash, "staff-plate": search.plate_hash, "unknown-case": search.case_number}
    name = f"{search.person_id}|{detector}|{about.get(detector)!r}|{week}"
    return MisuseFlagged(
        flag_id=uuid5(NAMESPACE_OID, name),
        person_id=search.person_id,
        detector=detector,
        search_id=search.search_id,
        search_count=len(searches),
        first_at=searches[0].at,
    )


def _same_plate(state: AccessState, search: PastSearch, limits: Limits) -> Found:
    if search.plate_hash is None:
        return ()
    past = [one for one in state.searches_of(search.person_id) if one.plate_hash == search.plate_hash]
    searches = (*past, search)
    days = {_local(one.at, limits).date() for one in searches}
    stories = {(one.case_number, one.reason) for one in searches}
    return searches if len(days) >= _DAYS and len(stories) > 1 else ()


def _off_shift(state: AccessState, search: PastSearch, limits: Limits) -> Found:
    shifts = [
        one.approved.shift for one in state.person(search.person_id).authorizations if stands(one, search.at, limits)
    ]
    at = _local(search.at, limits).time()
    is_off = bool(shifts) and not any(shift is None or _is_within(at, shift) for shift in shifts)
    return (search,) if is_off else ()


def _burst(state: AccessState, search: PastSearch, limits: Limits) -> Found:
    last = [one for one in state.searches_of(search.person_id) if one.at > search.at - _HOUR]
    searches = (*last, search)
    return searches if len(searches) >= limits.burst_searches else ()


def _unknown_case(state: AccessState, search: PastSearch, limits: Limits) -> Found:
    is_unknown = bool(search.is_allowed) and search.case_number not in state.cases
    return (search,) if is_unknown else ()


def _staff_plate(state: AccessState, search: PastSearch, limits: Limits) -> Found:
    return (search,) if search.plate_hash is not None and search.plate_hash in state.staff_plates else ()


def _local(at: datetime, limits: Limits) -> datetime:
    return at.astimezone(limits.time_zone)


def _is_within(at: time, shift: str) -> bool:
    begins, ends = (time.fromisoformat(part) for part in shift.split("-"))
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


_DETECTORS: Mapping[Detector, Callable[[AccessState, PastSearch, Limits], Found]] = {
    "same-plate": _same_plate,
    "off-shift": _off_shift,
    "burst": _burst,
    "unknown-case": _unknown_case,
    "staff-plate": _staff_plate,
}
