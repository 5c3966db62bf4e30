"""What the fold remembers of searches: enough to see a plate that is searched again and again, not what was asked.

120 days, as the worst case on record took four months; 500 searches a person, 100 a plate.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from gateway.access.buckets import Buckets
from gateway.access.state import AccessState, PastSearch
from gateway.access.words import words_of
from schemas.messages import LedgerEvent
from streams.ledger.events import SearchAnswered, SearchDecided, SearchRequested

REMEMBERED = timedelta(days=120)
_OF_PERSON, _OF_PLATE, _WAITING = 500, 100, 1000


def past_search(event: LedgerEvent, body: SearchRequested) -> PastSearch:
    """A search as it is remembered."""
    return PastSearch(
        search_id=body.search_id,
        person_id=event.actor_id,
        at=event.at,
        plate_hash=event.plate_hash,
        case_number=body.case_number,
        reason=fingerprint(body.reason),
        basis=fingerprint(body.factual_basis),
        page_of=body.page_of,
    )


def fingerprint(text: str | None) -> bytes:
    """Equal for texts of the same words, in any order and spelling of case; says nothing of them."""
    return blake2b(" ".join(sorted(words_of(text or ""))).encode(), digest_size=8).digest()


def remember_asked(state: AccessState, event: LedgerEvent, body: SearchRequested) -> AccessState:
    """A search waits for its decision; the oldest is forgotten when there are too many."""
    return replace(state, waiting=(*state.waiting, past_search(event, body))[-_WAITING:])


def remember_decided(state: AccessState, event: LedgerEvent, body: SearchDecided) -> AccessState:
    """A decided search joins those of its person, and of its plate when it was allowed."""
    asked = next((one for one in state.waiting if one.search_id == body.search_id), None)
    if asked is None:
        return state
    search = replace(asked, is_allowed=body.is_allowed)
    since = event.at - REMEMBERED
    person = search.person_id.encode()
    of_person = _later(state.of_person.get(person) or (), since, _OF_PERSON - 1)
    of_plate = state.of_plate
    if search.is_allowed and search.plate_hash is not None and not is_page(state, search):
        of_plate = _with_search(state, search.plate_hash, search, since)
    return replace(
        state,
        waiting=tuple(one for one in state.waiting if one is not asked),
        of_person=state.of_person.put(person, (*of_person, search)),
        of_plate=of_plate,
    )


def remember_told(state: AccessState, event: LedgerEvent, body: SearchAnswered) -> AccessState:
    """A search for something else that came down to the event's plate is one for that plate, too."""
    past = state.searches_of(event.actor_id)
    asked = next((one for one in past if one.search_id == body.search_id), None)
    if asked is None or event.plate_hash is None or event.plate_hash == asked.plate_hash or is_page(state, asked):
        return state
    told = replace(asked, plate_hash=event.plate_hash)
    of_plate = _with_search(state, event.plate_hash, told, event.at - REMEMBERED)
    if asked.plate_hash is not None:
        return replace(state, of_plate=of_plate)
    known = tuple(told if one is asked else one for one in past)
    return replace(state, of_plate=of_plate, of_person=state.of_person.put(event.actor_id.encode(), known))


def is_page(state: AccessState, search: PastSearch) -> bool:
    """Whether a search asks for the rest of an answer that its person was allowed: the same search once more."""
    return search.page_of is not None and any(
        past.search_id == search.page_of and past.is_allowed for past in state.searches_of(search.person_id)
    )


def _with_search(
    state: AccessState, plate_hash: bytes, search: PastSearch, since: datetime
) -> Buckets[tuple[PastSearch, ...]]:
    before = _later(state.of_plate.get(plate_hash) or (), since, _OF_PLATE - 1)
    return state.of_plate.put(plate_hash, (*before, search), lambda past: past[-1].at >= since)


def _later(past: tuple[PastSearch, ...], since: datetime, most: int) -> tuple[PastSearch, ...]:
    return tuple(one for one in past if one.at >= since)[-most:]
