"""Plates as text: normalising what a reader sends, folding look-alikes, and the identity of a read.

Folding joins O with 0 and I with 1. By Minnesota rule 7403.0400 those pairs are the same character on a plate, so
folding cannot join two Minnesota plates. Folded plates are keys (Kafka, hotlist, storage order), never shown.
"""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

from platestream.errors import InvalidMessage

MAX_PLATE_LENGTH = 20
WILDCARDS = frozenset("?*")

_SEPARATORS = b" -.\xb7_"
_FOLD = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyzOI", b"ABCDEFGH1JKLMN0PQRSTUVWXYZ01")
FOLDING = (_FOLD, _SEPARATORS)  # of fold_bytes, as arguments of bytes.translate where a call more is too much
_PLATE = re.compile(rf"[A-Z0-9]{{1,{MAX_PLATE_LENGTH}}}")
_LISTED_PLATE = re.compile(rf"[A-Z0-9?*]{{1,{MAX_PLATE_LENGTH}}}")
_SEPARATOR_CHARACTERS = re.compile(r"[\s\-._\u00b7]+")
_READS = uuid5(NAMESPACE_URL, "urn:platestream:read")
_ALERTS = uuid5(NAMESPACE_URL, "urn:platestream:alert")


def normalise_plate(text: str) -> str:
    """Upper case, without separators.

    Raises InvalidMessage when nothing is left, when it is longer than MAX_PLATE_LENGTH, or when it holds other
    characters than A-Z and 0-9.
    """
    return _normalise(text, _PLATE, "A-Z and 0-9")


def normalise_listed_plate(text: str) -> str:
    """Like normalise_plate, for lists with partial plates: ? is one unknown character, * any number. Raises as it."""
    return _normalise(text, _LISTED_PLATE, "A-Z, 0-9, ? and *")


def _normalise(text: str, allowed: re.Pattern[str], characters: str) -> str:
    plate = _SEPARATOR_CHARACTERS.sub("", text).upper()
    if not plate:
        raise InvalidMessage("plate-missing", "The plate is empty; such a message is no read.")
    if not allowed.fullmatch(plate):
        raise InvalidMessage(
            "plate-unusable", f"The plate must be 1 to {MAX_PLATE_LENGTH} characters of {characters} after clean-up."
        )
    return plate


def fold_bytes(plate: bytes) -> bytes:
    """Fold an ASCII plate: one pass in C, for hot paths. Idempotent."""
    return plate.translate(_FOLD, _SEPARATORS)


def fold(plate: str) -> str:
    """Fold a plate: upper case, separators stripped, O to 0 and I to 1. Idempotent."""
    return fold_bytes(plate.encode("ascii")).decode("ascii")


def read_id(device_id: str, event_id: str) -> UUID:
    """The identity of a read: the same device and event id always give the same id, so a resend is the same read."""
    return uuid5(_READS, f"{device_id}\x1f{event_id}")


def alert_id(read: UUID, entry_id: str) -> UUID:
    """The identity of an alert: a replay of the read gives the same id."""
    return uuid5(_ALERTS, f"{read}\x1f{entry_id}")


def hotlist_key(plate: str, entry_id: str) -> bytes:
    """Key of an entry on hotlist-entries: a tombstone of it still knows its plate."""
    return fold(plate).encode("ascii") + b"\x1f" + entry_id.encode()
