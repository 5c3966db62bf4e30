"""Which words of a text say something, and which would fit every search."""

import re

_WORD = re.compile(r"[^\W\d_]{2,}")
_SAYS_NOTHING = frozenset(
    "a an and any as asap asdf bar baz because by case check checking crime criminal demo enforcement foo for from "
    "general in incident information inquiry intel investigate investigating investigation investigations ipsum is "
    "it just law look looking lookup lorem misc na need needed no none not of official on only or other patrol "
    "plate police purpose purposes query qwerty reason reasons research routine search see seen test testing tests "
    "the this to training trial unknown use vehicle work xx xxx".split()
)


def is_boiler_plate(text: str, words: int) -> bool:
    """Whether fewer than `words` different words are left without those that fit every search."""
    return len(words_of(text) - _SAYS_NOTHING) < words


def words_of(text: str) -> frozenset[str]:
    """The different words of a text, without case, digits and single letters."""
    return frozenset(_WORD.findall(text.casefold()))
