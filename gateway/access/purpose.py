"""The rules about what a person wrote: offence, number, reason and facts, which say something and are this case's."""

from gateway.access.limits import Limits
from gateway.access.state import AccessState, PastSearch
from gateway.access.words import is_boiler_plate, words_of
from platestream.errors import RefusedError
from streams.ledger.events import SearchRequested
from streams.ledger.purposes import OFFENCES

_REASON_WORDS, _BASIS_WORDS = 2, 4
_LAST_SEARCHES = 50


def check_offence(request: SearchRequested) -> None:
    """Raises RefusedError unless the offence is of a category that stored reads may be used for. Keeps: use.purposes"""
    if not request.offence_category:
        raise RefusedError("use.purposes", "A search needs the category of the offence that is investigated.")
    if request.offence_category not in OFFENCES:
        raise RefusedError("use.purposes", "The category of the offence is none that stored reads may be used for.")


def check_purpose(request: SearchRequested, limits: Limits) -> None:
    """Raises RefusedError unless number, reason and factual basis are there and say something."""
    if not request.case_number:
        raise RefusedError("query.log", "A search needs a case or incident number.")
    if not limits.case_number.fullmatch(request.case_number):
        raise RefusedError("query.log", "The case or incident number is not of this agency's form.")
    if not request.reason or not request.factual_basis:
        raise RefusedError("query.log", "A search needs a reason and the facts that it rests on.")
    if is_boiler_plate(request.reason, _REASON_WORDS):
        raise RefusedError("query.log", "The reason says too little; name what is investigated.")
    if is_boiler_plate(request.factual_basis, _BASIS_WORDS):
        raise RefusedError("query.log", "The factual basis says too little; state what is known and from where.")
    if words_of(request.reason) == words_of(request.factual_basis):
        raise RefusedError("query.log", "The factual basis repeats the reason; state the facts.")


def check_repetition(state: AccessState, search: PastSearch) -> None:
    """Raises RefusedError when the person wrote the same facts for another case lately: they fit any."""
    for past in state.searches_of(search.person_id)[-_LAST_SEARCHES:]:
        if past.basis == search.basis and past.case_number != search.case_number and past.is_allowed:
            raise RefusedError("query.log", "You stated the same facts for another case; state those of this one.")


def check_span(request: SearchRequested, limits: Limits) -> None:
    """Raises RefusedError when the span of time is longer than a specific purpose needs."""
    if request.collected_until - request.collected_from > limits.max_span:
        raise RefusedError("query.log", f"A search may span {limits.max_span.days} days at most; narrow it.")
