"""The rules that decide on a search. Pure: state, request and time in, a decision out; what is not allowed is refused.

* access.list: nobody searches without an authorization in writing that stands now; one that was not renewed within
  the review period has lapsed by itself.
* training.before-use: nobody searches before documented training.
* query.log: a case or incident number, a reason and a factual basis that say something, for a limited span of time.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.access.state import AccessState
from platestream.errors import ConfigError, RefusedError
from platestream.settings import GatewaySettings
from streams.ledger.events import SearchRequested

_REASON_WORDS, _BASIS_WORDS = 2, 4
_WORD = re.compile(r"[^\W\d_]{2,}")
_SAYS_NOTHING = frozenset(
    "a an and any as asap asdf bar baz because by case check checking crime criminal demo enforcement foo for from "
    "general in incident information inquiry intel investigate investigating investigation investigations ipsum is "
    "it just law look looking lookup lorem misc na need needed no none not of official on only or other patrol "
    "plate police purpose purposes query qwerty reason reasons research routine search see seen test testing tests "
    "the this to training trial unknown use vehicle work xx xxx".split()
)


@dataclass(frozen=True)
class Decision:
    """Explains itself: the rule's id and a sentence that holds neither plate nor person."""

    is_allowed: bool
    rule: str
    sentence: str


@dataclass(frozen=True)
class Limits:
    """What the agency has set. `review` is how long an authorization stands without a new one."""

    case_number: re.Pattern[str]
    max_span: timedelta
    review: timedelta


def limits_of(gateway: GatewaySettings) -> Limits:
    """The limits in the settings. Raises ConfigError when the pattern of case numbers is none."""
    try:
        case_number = re.compile(gateway.case_number_pattern, re.ASCII)
    except re.error:
        raise ConfigError("gateway.case_number_pattern is not a regular expression; correct it.") from None
    return Limits(case_number, timedelta(days=gateway.max_span_days), timedelta(days=gateway.review_days))


def decide(state: AccessState, person_id: str, request: SearchRequested, now: datetime, limits: Limits) -> Decision:
    """Allowed only when every rule allows. Keeps: access.list, training.before-use, query.log"""
    try:
        check_authorized(state, person_id, now, limits)
        check_trained(state, person_id, now)
        check_purpose(request, limits)
        check_span(request, limits)
    except RefusedError as refused:
        return Decision(False, refused.rule, str(refused))
    return Decision(True, "query.log", "Authorized in writing and trained; the purpose of the search is on record.")


def check_authorized(state: AccessState, person_id: str, now: datetime, limits: Limits) -> None:
    """Raises RefusedError unless an authorization stands now."""
    access = state.person(person_id)
    if access.is_revoked:
        raise RefusedError("access.list", "Your authorization was revoked; only a new one in writing restores it.")
    if not access.authorizations:
        raise RefusedError("access.list", "You have no authorization in writing to search stored reads.")
    if all(granted.until_at <= now for granted in access.authorizations):
        raise RefusedError("access.list", "Your authorization has ended; ask an administrator to renew it.")
    if all(granted.from_at + limits.review <= now for granted in access.authorizations):
        raise RefusedError("access.list", "Your authorization lapsed because it was not reviewed in time.")
    if not any(granted.from_at <= now < min(granted.until_at, granted.from_at + limits.review)
               for granted in access.authorizations):  # fmt: skip
        raise RefusedError("access.list", "Your authorization does not stand today; see its dates.")


def check_trained(state: AccessState, person_id: str, now: datetime) -> None:
    """Raises RefusedError unless a training on record stands now."""
    trainings = state.person(person_id).trainings
    if not trainings:
        raise RefusedError("training.before-use", "No training of yours is on record; searching comes after it.")
    if not any(training.from_at <= now < training.until_at for training in trainings):
        raise RefusedError("training.before-use", "Your training on record does not cover today; renew it.")


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
    if _meaning(request.reason) == _meaning(request.factual_basis):
        raise RefusedError("query.log", "The factual basis repeats the reason; state the facts.")


def check_span(request: SearchRequested, limits: Limits) -> None:
    """Raises RefusedError when the span of time is longer than a specific purpose needs."""
    if request.collected_until - request.collected_from > limits.max_span:
        raise RefusedError("query.log", f"A search may span {limits.max_span.days} days at most; narrow it.")


def is_boiler_plate(text: str, words: int) -> bool:
    """Whether fewer than `words` different words are left without those that fit every search."""
    return len(_meaning(text) - _SAYS_NOTHING) < words


def _meaning(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
