"""A sealed picture opens only where it belongs, with its key, unchanged."""

from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import IntegrityError
from schemas.messages import PictureKind
from sinks.pictures.sealing import open_picture, seal_picture

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
DAY = date(2026, 5, 4)
READ = UUID("7b0c7f5e-0000-5000-8000-000000000001")


@given(st.binary(max_size=2000), st.dates() | st.uuids(), st.uuids(), st.sampled_from(PictureKind))
def test_what_is_sealed_opens_again(content: bytes, shelf: date | UUID, read: UUID, kind: PictureKind) -> None:
    assert open_picture(KEY, shelf, read, kind, seal_picture(KEY, shelf, read, kind, content)) == content


def test_the_same_picture_never_gives_the_same_bytes() -> None:
    sealed = {seal_picture(KEY, DAY, READ, PictureKind.PLATE, b"plate") for _ in range(100)}
    assert len({one[:13] for one in sealed}) == 100
    assert not [one for one in sealed if b"plate" in one]


@pytest.mark.parametrize(
    ("key", "shelf", "read", "kind"),
    [
        (OTHER_KEY, DAY, READ, PictureKind.PLATE),
        (KEY, date(2026, 5, 5), READ, PictureKind.PLATE),
        (KEY, uuid4(), READ, PictureKind.PLATE),
        (KEY, DAY, uuid4(), PictureKind.PLATE),
        (KEY, DAY, READ, PictureKind.VEHICLE),
    ],
)
def test_elsewhere_it_does_not_open(key: bytes, shelf: date | UUID, read: UUID, kind: PictureKind) -> None:
    sealed = seal_picture(KEY, DAY, READ, PictureKind.PLATE, b"plate")
    with pytest.raises(IntegrityError):
        open_picture(key, shelf, read, kind, sealed)


def test_changed_in_any_byte_or_cut_anywhere_it_does_not_open() -> None:
    sealed = seal_picture(KEY, DAY, READ, PictureKind.PLATE, b"plate")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for bad in [*changed, *(sealed[:end] for end in range(len(sealed)))]:
        with pytest.raises(IntegrityError):
            open_picture(KEY, DAY, READ, PictureKind.PLATE, bad)
