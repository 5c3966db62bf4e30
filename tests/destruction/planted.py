"""What the proof plants: five cars, each with a plate, pictures of noise that nothing else resembles, and patterns.

Pictures are searched for in the clear: in the topic they are not sealed yet, behind it they are. A pattern is some
bytes from within a picture, which every rewriting of its file keeps, and the same in base64, as the reader sent it.
"""

import base64
from datetime import datetime

import httpx

from schemas.plates import fold
from streams.devices.pictures import strip_metadata
from streams.devices.scenes import Scene
from streams.devices.simulated import Sighting, openalpr_group
from tests.destruction.search import Patterns
from tests.storing import an_image

PLATES = {
    "unlisted": "QZO71I",
    "verified": "QZO72I",
    "searched": "QZO73I",
    "suppressed": "QZO74I",
    "held": "QZO75I",
}
_KINDS = ("plate", "vehicle", "surroundings")
_SIDE = 160  # pixels of noise: tens of thousands of bytes, so that a picture lies over many pages and blocks
_PATTERN_BYTES = 24  # a multiple of 3, as where it begins: base64 of a part is then part of the base64


def pictures_of(name: str) -> Scene:
    """The three pictures of a car, as its reader sends them."""
    return Scene(**{kind: an_image((name, kind), side=_SIDE) for kind in _KINDS})


def kept_pictures(name: str) -> set[bytes]:
    """The same pictures, as they are kept."""
    return {strip_metadata(content) for content in vars(pictures_of(name)).values()}


def plate_patterns() -> Patterns:
    """Each plate, plain and folded."""
    return {name: (plate.encode(), fold(plate).encode()) for name, plate in PLATES.items()}


def picture_patterns() -> Patterns:
    """Each car's pictures."""
    return {
        picture_name(name): tuple(
            pattern for content in vars(pictures_of(name)).values() for pattern in patterns_of(content)
        )
        for name in PLATES
    }


def picture_name(name: str) -> str:
    return f"pictures of {name}"


def patterns_of(picture: bytes) -> list[bytes]:
    """Three pieces from within a picture, plain and in base64."""
    starts = [len(picture) * quarter // 4 // 3 * 3 for quarter in (1, 2, 3)]
    pieces = [picture[start : start + _PATTERN_BYTES] for start in starts]
    return [*pieces, *map(base64.b64encode, pieces)]


def post_all(collector_url: str, token: str, now: datetime) -> None:
    """Send a message of each car to the collector."""
    with httpx.Client(base_url=collector_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for name, plate in PLATES.items():
            seen = Sighting(plate=plate, state="MN", at=now, uuid=f"proof-{name}", scene=pictures_of(name))
            client.post("/v1/messages/openalpr", json=openalpr_group(seen)).raise_for_status()
