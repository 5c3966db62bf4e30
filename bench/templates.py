"""Framed Avro of reads and entries without encoding each: a real message is encoded once, and plate and id put into it.

Ids and plates have one length, so what is put in changes nothing else of the message.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

from bench.plates import PLATE_BYTES
from schemas.codec import Codec
from schemas.messages import Candidate, HotlistEntry, LawfulSource, MatchKind, PictureKind, PictureReference, PlateRead
from schemas.plates import read_id

_BLANK_PLATE = "Z" * PLATE_BYTES
_BLANK_EVENT = b"f" * 12
_VARIETY = 1000
_ENTRY_ID = "5f3c9e1a-7b2d-5c4e-9a6f-00000"  # and the plate: as long as the UUID that the loader gives

ENTRY_KEY_MIDDLE = b"\x1f" + _ENTRY_ID.encode()
"""Between plate and plate in the key of an entry: whoever knows the plate knows the key."""


@dataclass(frozen=True)
class _Cut:
    """A message without its plate and its id."""

    head: bytes
    middle: bytes
    tail: bytes


class ReadTemplates:
    """Reads of a thousand kinds: with and without state, candidates, confidence and pictures."""

    def __init__(self, codec: Codec, now: datetime) -> None:
        chance = random.Random(7)
        self._cuts = [_cut(codec.encode(_a_read(kind, now, chance)), _BLANK_EVENT) for kind in range(_VARIETY)]

    def read(self, number: int, plate: bytes) -> bytes:
        """The framed read of `plate` whose read_id ends with `number`."""
        cut = self._cuts[number % _VARIETY]
        return b"%b%b%b%012x%b" % (cut.head, plate, cut.middle, number, cut.tail)


class EntryTemplates:
    """FOLDED entries of the state's file, in force for a day on both sides of `now`."""

    def __init__(self, codec: Codec, now: datetime) -> None:
        blank_id = (_ENTRY_ID + _BLANK_PLATE).encode()
        kinds = product(("MN", None), ("stolen vehicle", "stolen plate", "warrant", "missing person"), (2, 3, 4))
        self._cuts = [
            _cut(codec.encode(_an_entry(now, state=state, category=category, priority=priority)), blank_id)
            for state, category, priority in kinds
        ]

    def entry(self, number: int, plate: bytes) -> bytes:
        """The framed entry of `plate`."""
        cut = self._cuts[number % len(self._cuts)]
        return b"%b%b%b%b%b%b" % (cut.head, plate, cut.middle, ENTRY_KEY_MIDDLE[1:], plate, cut.tail)


def entry_key(plate: bytes) -> bytes:
    """Key of a plate's entry on hotlist-entries."""
    return plate + ENTRY_KEY_MIDDLE + plate


def partial_entry(plate: str, entry_id: str, now: datetime) -> HotlistEntry:
    """A PARTIAL entry of an active investigation."""
    wanted = replace(_an_entry(now, state="MN", category="HOMICIDE", priority=2), plate=plate, entry_id=entry_id)
    return replace(
        wanted,
        match_kind=MatchKind.PARTIAL,
        lawful_source=LawfulSource.ACTIVE_INVESTIGATION,
        case_number="26-000001",
    )


def _cut(message: bytes, blank_id: bytes) -> _Cut:
    head, _, rest = message.partition(_BLANK_PLATE.encode())
    middle, _, tail = rest.partition(blank_id)
    return _Cut(head, middle, tail)


def _a_read(kind: int, now: datetime, chance: random.Random) -> PlateRead:
    blank = UUID(str(read_id(f"reader-{kind % 40}", str(kind)))[:-12] + _BLANK_EVENT.decode())
    pictures = (PictureKind.PLATE, PictureKind.VEHICLE)[: kind % 3]
    return PlateRead(
        plate=_BLANK_PLATE,
        collected_at=now + timedelta(milliseconds=kind),
        read_id=blank,
        state=None if kind % 5 == 0 else "MN",
        device_id=f"reader-{kind % 40}",
        received_at=now + timedelta(milliseconds=kind + chance.randrange(300)),
        latitude=44.9 + chance.random(),
        longitude=-93.3 + chance.random(),
        confidence=None if kind % 7 == 0 else chance.random(),
        candidates=tuple(Candidate(plate=f"WW{chance.randrange(99999):05d}", confidence=0.1) for _ in range(kind % 3)),
        pictures=tuple(PictureReference(sha256=chance.randbytes(32), kind=picture) for picture in pictures),
    )


def _an_entry(now: datetime, *, state: str | None, category: str, priority: int) -> HotlistEntry:
    return HotlistEntry(
        plate=_BLANK_PLATE,
        match_kind=MatchKind.FOLDED,
        entry_id=_ENTRY_ID + _BLANK_PLATE,
        state=state,
        source="state-file",
        lawful_source=LawfulSource.STATE_FILE,
        category=category,
        priority=priority,
        effective_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=1),
        extracted_at=now - timedelta(hours=1),
    )
