"""Step 4, matched: how the plate of a read and a listed plate agree, and where they differ. Pure.

The rules, in the words that the tests quote:

* EXACT: the texts are equal.
* FOLDED: the folded plates are equal.
* FUZZY: the folded plates are equal but for exactly one character, and those two characters are of one class of
  confusion: 0ODQ, 1I, 2Z, 5S, 8B, 6G, 3/7, 2/7. Or a plate that the reader's OCR also considered, folded, is the folded
  listed plate.
* PARTIAL: the folded plate of the read fits the folded listed one, in which ? stands for one character and * for any
  number of them, also none.
* An EXACT entry agrees only as EXACT, a FOLDED one also as FOLDED, a FUZZY one also as FUZZY, a PARTIAL one as EXACT,
  FOLDED or PARTIAL. The narrowest that holds is the one said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import re2

from schemas.messages import MatchKind, PlateRead
from schemas.plates import fold
from streams.hotlists.kinds import has_wildcards

CONFUSION_CLASSES = ("0ODQ", "1I", "2Z", "5S", "8B", "6G", "37", "27")


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How a read and a listed plate agree.

    `differing_positions` are those in the listed plate, from 0, where it does not say the character that was read.
    `candidate` is the OCR's other plate that agrees when the one read does not.
    """

    match_kind: MatchKind
    differing_positions: tuple[int, ...]
    candidate: str | None = None


def compare(read: PlateRead, listed: str, widest: MatchKind) -> Agreement | None:
    """How the plates agree, no more widely than `widest`; None when they do not."""
    if read.plate == listed:
        return Agreement(match_kind=MatchKind.EXACT, differing_positions=())
    if widest is MatchKind.EXACT:
        return None
    if fold(read.plate) == fold(listed):
        return Agreement(match_kind=MatchKind.FOLDED, differing_positions=_differing(read.plate, listed))
    if widest is MatchKind.FUZZY:
        return _compare_fuzzily(read, listed)
    return _compare_partially(read.plate, listed) if widest is MatchKind.PARTIAL else None


def look_alikes(folded: str) -> list[str]:
    """All folded plates that differ from `folded` in exactly one character, by a known confusion."""
    return [
        folded[:at] + other + folded[at + 1 :]
        for at, character in enumerate(folded)
        for other in _CONFUSED.get(character, ())
    ]


def partial_pattern(listed: str) -> str:
    """The re2 pattern of folded plates that a listed plate with ? and * fits, one group a character of it."""
    return "".join(f"({_WILD.get(character, character)})" for character in fold(listed))


_WILD = {"?": "[^\n]", "*": "[^\n]*"}


def _confusions() -> Mapping[str, str]:
    """Each folded character with those it is confused with; 3 and 2 are confused with 7 but not with each other."""
    found: dict[str, set[str]] = {}
    for characters in map(fold, CONFUSION_CLASSES):
        for character in characters:
            found.setdefault(character, set()).update(set(characters) - {character})
    return {character: "".join(sorted(others)) for character, others in found.items() if others}


_CONFUSED = _confusions()


def _compare_fuzzily(read: PlateRead, listed: str) -> Agreement | None:
    wanted = fold(listed)
    candidate = None
    if wanted not in look_alikes(fold(read.plate)):
        candidate = next((other.plate for other in read.candidates if fold(other.plate) == wanted), None)
        if candidate is None:
            return None
    positions = _differing(read.plate, listed)
    return Agreement(match_kind=MatchKind.FUZZY, differing_positions=positions, candidate=candidate)


def _compare_partially(plate: str, listed: str) -> Agreement | None:
    if not has_wildcards(listed) or not (fits := re2.fullmatch(partial_pattern(listed), fold(plate))):
        return None
    said = [plate[slice(*fits.span(at + 1))] for at in range(len(listed))]
    positions = tuple(at for at, character in enumerate(listed) if said[at] != character)
    return Agreement(match_kind=MatchKind.PARTIAL, differing_positions=positions)


def _differing(plate: str, listed: str) -> tuple[int, ...]:
    return tuple(at for at, character in enumerate(listed) if plate[at : at + 1] != character)
