"""Only JPEG and PNG, by content, whole, not too large, and what their hash says."""

import hashlib
import io
import struct
import zlib

import pytest
from PIL import Image

from platestream.errors import InvalidMessage
from sinks.pictures.checking import check_picture, media_type
from tests.storing import an_image

LIMIT = 100_000


def refusal(content: bytes, sha256: bytes | None = None, limit: int = LIMIT) -> str:
    with pytest.raises(InvalidMessage) as refused:
        check_picture(content, sha256 or hashlib.sha256(content).digest(), limit)
    return refused.value.reason


def a_png(width: int, height: int, data: bytes) -> bytes:
    """A PNG with a header of any size, whatever its data are."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_sound_picture_passes(format_: str) -> None:
    content = an_image(format_=format_)
    check_picture(content, hashlib.sha256(content).digest(), len(content))
    assert media_type(content) == f"image/{format_.lower()}"


@pytest.mark.parametrize("format_", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_types_are_refused(format_: str) -> None:
    assert refusal(an_image(format_=format_)) == "picture-of-other-type"


def test_another_type_with_the_first_bytes_of_a_jpeg_is_refused() -> None:
    assert refusal(b"\xff\xd8\xff" + an_image(format_="GIF")) in {"picture-not-jpeg", "picture-not-decodable"}


def test_a_hash_that_differs_is_refused() -> None:
    assert refusal(an_image(), bytes(32)) == "hash-differs"


def test_a_byte_more_than_the_limit_is_refused() -> None:
    content = an_image()
    assert refusal(content, limit=len(content) - 1) == "picture-too-large"


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_what_is_cut_short_is_refused(format_: str) -> None:
    content = an_image(format_=format_)
    assert refusal(content[: len(content) // 2]) in {"picture-not-decodable", "picture-not-jpeg"}


def test_a_png_with_a_changed_byte_is_refused() -> None:
    content = bytearray(an_image(format_="PNG"))
    content[len(content) // 2] ^= 1
    assert refusal(bytes(content)) == "picture-not-decodable"


def test_decompression_bombs_are_refused_by_their_header() -> None:
    squeezed = zlib.compress(bytes(30_000_000), 9)
    assert len(squeezed) < LIMIT
    assert refusal(a_png(6_000, 5_000, squeezed)) == "picture-too-many-pixels"
    assert refusal(a_png(60_000, 50_000, squeezed)) == "picture-too-many-pixels"
    file = io.BytesIO()
    Image.new("L", (6_000, 5_000)).save(file, "JPEG")
    assert refusal(file.getvalue(), limit=10**7) == "picture-too-many-pixels"
