"""Takes the searched plate out of what a person wrote, before that text becomes part of the ledger."""

import re

from schemas.plates import fold

BLANK = "[plate]"

_LOOK_ALIKES = {"0": "[0O]", "1": "[1I]"}
_BETWEEN = r"[\s\-._\u00b7]*"
_NOT_TEXT = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SHORT = 4


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
