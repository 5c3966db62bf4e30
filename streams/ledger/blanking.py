"""Takes the searched plate or pattern out of what a person wrote, before that text becomes part of the ledger."""

import re

import re2

from schemas.plates import fold

BLANK = "[plate]"

_LOOK_ALIKES = {"0": "[0O]", "1": "[1I]"}
_BETWEEN = r"[\s\-._\u00b7]*"
_NOT_TEXT = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SHORT = 4
_WILD = {"?": "[^\n]", "*": "[^\n]*"}
_WORD = re.compile(r"[A-Za-z0-9?*]+")
_JOINED_WORDS = re.compile(r"[A-Za-z0-9?*]+(?:[\-._\u00b7][A-Za-z0-9?*]+)*")


def tidy(text: str) -> str:
    """One line without control characters, which JSON would write with letters of its own."""
    return _NOT_TEXT.sub(" ", text).strip()


def blank_plate(text: str, plate: str) -> str:
    """The text, tidied, with `[plate]` wherever it names the plate in any spelling that folds to the same.

    Plates shorter than four characters are blanked as whole words only, or little of the text would be left.
    """
    spelling = _BETWEEN.join(_LOOK_ALIKES.get(character, character) for character in fold(plate))
    if len(plate) < _SHORT:
        spelling = rf"(?<![A-Za-z0-9]){spelling}(?![A-Za-z0-9])"
    return re.sub(spelling, BLANK, tidy(text), flags=re.IGNORECASE | re.ASCII)


def blank_fitting(text: str, pattern: str) -> str:
    """The text, tidied, with `[plate]` for each word that fits a pattern with ? and *, in any spelling.

    Linear in the text, whatever the pattern.
    """
    fitting = re2.compile("".join(_WILD.get(character, character) for character in fold(pattern)))

    def blanked(word: re.Match[str]) -> str:
        if fitting.fullmatch(fold("".join(_WORD.findall(word[0])))):
            return BLANK
        return word[0] if word.re is _WORD else _WORD.sub(blanked, word[0])

    return _JOINED_WORDS.sub(blanked, tidy(text))
