"""Pictures that a hold keeps: copied out of their day under the hold's own key, and found again wherever they are."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from platestream.errors import IntegrityError
from schemas.messages import PictureKind
from sinks.pictures.checking import media_type
from sinks.pictures.keys import Shelf
from sinks.pictures.store import PictureStore


@dataclass(frozen=True, kw_only=True)
class StoredAs:
    """What a read says of one of its pictures, and on which day and by which holds it may be kept."""

    day: date
    read_id: UUID
    kind: PictureKind
    sha256: bytes
    holds: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FetchedPicture:
    """A picture as it was collected. `media_type` is image/jpeg or image/png."""

    content: bytes = field(repr=False)
    media_type: str


def hold_picture(store: PictureStore, picture: StoredAs, hold_id: UUID) -> bool:
    """Copy a picture into a hold; False when the hold has it. Safe to repeat. Keeps: evidence.copy

    It is taken from its day, or from another hold of `picture.holds` when the day is destroyed.
    Raises FileNotFoundError when it is nowhere (it may come later), IntegrityError when it is not what the read says,
    OSError when the store fails.
    """
    if _find(store, picture, [hold_id]) is not None:
        return False
    content = _find(store, picture, [picture.day, *picture.holds])
    if content is None:
        raise FileNotFoundError(f"no copy of picture {picture.kind.value} of read {picture.read_id} is there")
    store.write(hold_id, picture.read_id, picture.kind, content)
    return True


def fetch_picture(store: PictureStore, picture: StoredAs) -> FetchedPicture:
    """A picture from its day or from a hold: the one way out of the store, for the gateway.

    Raises FileNotFoundError when no copy is there, IntegrityError when it is not what the read says, OSError when the
    store fails.
    """
    content = _find(store, picture, [picture.day, *picture.holds])
    if content is None:
        raise FileNotFoundError(f"no copy of picture {picture.kind.value} of read {picture.read_id} is there")
    return FetchedPicture(content=content, media_type=media_type(content))


def _find(store: PictureStore, picture: StoredAs, shelves: Iterable[Shelf]) -> bytes | None:
    for shelf in shelves:
        try:
            content = store.read(shelf, picture.read_id, picture.kind)
        except FileNotFoundError:
            continue
        if hashlib.sha256(content).digest() != picture.sha256:
            raise IntegrityError(
                f"The picture {picture.kind.value} of read {picture.read_id} ({shelf}) has another hash than its read "
                "says; find out which of them was changed."
            )
        return content
    return None
