"""What an entry may ask for by its match kind. Checked when a list is loaded and again by each worker.

* Wildcards (? one unknown character, * any number of them, also none) are for PARTIAL entries.
* A PARTIAL entry with wildcards says at least 4 characters, and its category is one of serious crimes.
* FUZZY and PARTIAL entries never have the top priority: what they find is more often another car.
"""

from collections.abc import Collection
from enum import StrEnum

from platestream.errors import InvalidMessage
from schemas.messages import HotlistEntry, MatchKind
from schemas.plates import WILDCARDS

LEAST_KNOWN_CHARACTERS = 4
TOP_PRIORITY = 1
WIDER_KINDS = frozenset({MatchKind.FUZZY, MatchKind.PARTIAL})


class EntryFault(StrEnum):
    """Why an entry may not ask for what it asks."""

    WILDCARD = "wildcard-not-partial"
    TOO_FEW_KNOWN = "too-few-known-characters"
    NOT_SERIOUS = "category-not-partial"
    TOP_PRIORITY = "top-priority-not-allowed"


_SENTENCES = {
    EntryFault.WILDCARD: "A plate with ? or * is for entries of match kind PARTIAL; say the whole plate.",
    EntryFault.TOO_FEW_KNOWN: f"A partial plate says at least {LEAST_KNOWN_CHARACTERS} characters besides ? and *.",
    EntryFault.NOT_SERIOUS: "Partial plates are for serious crimes; matching.partial_categories lists the categories.",
    EntryFault.TOP_PRIORITY: "A FUZZY or PARTIAL entry never has the top priority; give it 2 or a higher number.",
}


def has_wildcards(plate: str) -> bool:
    """Whether a listed plate leaves characters open."""
    return not WILDCARDS.isdisjoint(plate)


def known_characters(plate: str) -> int:
    """How many characters a listed plate says."""
    return sum(character not in WILDCARDS for character in plate)


def fault_of(entry: HotlistEntry, partial_categories: Collection[str] | None) -> EntryFault | None:
    """The first rule of its kind that an entry breaks; None for `partial_categories` leaves categories unchecked."""
    if has_wildcards(entry.plate):
        if entry.match_kind is not MatchKind.PARTIAL:
            return EntryFault.WILDCARD
        if known_characters(entry.plate) < LEAST_KNOWN_CHARACTERS:
            return EntryFault.TOO_FEW_KNOWN
        if partial_categories is not None and entry.category not in partial_categories:
            return EntryFault.NOT_SERIOUS
    if entry.match_kind in WIDER_KINDS and entry.priority == TOP_PRIORITY:
        return EntryFault.TOP_PRIORITY
    return None


def check_kind(entry: HotlistEntry, partial_categories: Collection[str] | None = None) -> None:
    """Raises InvalidMessage, its reason an EntryFault, when an entry breaks a rule of its kind."""
    if fault := fault_of(entry, partial_categories):
        raise InvalidMessage(fault.value, _SENTENCES[fault])
