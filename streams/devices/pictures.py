"""Base64 text to a JPEG that holds a picture and nothing else, before it is hashed (step 1).

The file is rebuilt from the segments a decoder needs: tables, frame, scans. Application segments (EXIF with its
position, make and thumbnail, XMP, ICC, JFIF thumbnails), comments and whatever follows the end are left behind. Pixels
are not encoded again, so nothing is lost, and the same picture sent twice has the same hash.

Keeps: collection.closed
"""

import base64
import binascii
import io
import re
from collections.abc import Iterator

from PIL import Image

from platestream.errors import InvalidMessage

MAX_PIXELS = 25_000_000
MAX_SCANS = 32

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
_TABLES = {0xC4, 0xDB, 0xDD}  # Huffman, quantisation, restart interval
_LEFT_BEHIND = {*range(0xE0, 0xF0), 0xFE}  # application segments, comments
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # stuffed bytes and restart markers belong to the scan

# A decoder needs to know which colours are meant: said by these two segments, written anew without what else they hold.
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


def clean_picture(sent: object, max_bytes: int) -> bytes:
    """The JPEG without metadata.

    Raises InvalidMessage; its reason is one of picture-not-base64, picture-too-large, picture-not-jpeg,
    picture-too-many-pixels, picture-not-decodable.
    """
    data = _decode_base64(sent, max_bytes)
    cleaned = strip_metadata(data)
    _check_decodable(cleaned)
    return cleaned


def strip_metadata(data: bytes) -> bytes:
    """The JPEG rebuilt from the segments that make the picture. Raises InvalidMessage when it is no JPEG."""
    if data[:2] != bytes((0xFF, _SOI)):
        raise _not_jpeg("does not start as one")
    kept = [data[:2]]
    scans = 0
    for marker, body, scan in _segments(data):
        if marker in _FRAMES:
            _check_frame(body)
        if marker in _FRAMES or marker in _TABLES or marker == _SOS:
            kept.append(bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body + scan)
        elif marker in _LEFT_BEHIND:
            colours = _colours_of(marker, body)
            kept += [] if colours in kept else [colours]
        else:
            raise _not_jpeg("is of a rare kind (lossless, arithmetic or hierarchical)")
        scans += marker == _SOS
        if scans > MAX_SCANS:
            raise InvalidMessage("picture-not-decodable", f"The picture has more than {MAX_SCANS} scans.")
    return b"".join([*kept, bytes((0xFF, _EOI))])


def _decode_base64(sent: object, max_bytes: int) -> bytes:
    if not isinstance(sent, str):
        raise InvalidMessage("picture-not-base64", "The picture is not base64 text.")
    try:
        data = base64.b64decode("".join(sent.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidMessage("picture-not-base64", "The picture is not base64 text.") from None
    if len(data) > max_bytes:
        raise InvalidMessage("picture-too-large", f"The picture is larger than {max_bytes} bytes.")
    return data


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, body and entropy-coded bytes of each segment up to the end marker; what follows it is never looked at."""
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if len(data) < at + 2 or data[at] != 0xFF:
            raise _not_jpeg("ends or breaks off between segments")
        marker = data[at + 1]
        if marker == _EOI:
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            raise _not_jpeg("ends within a segment")
        scan = _scan(data, end) if marker == _SOS else b""
        yield marker, data[at + 4 : end], scan
        at = end + len(scan)


def _scan(data: bytes, start: int) -> bytes:
    found = _END_OF_SCAN.search(data, start)
    if not found:
        raise InvalidMessage("picture-not-decodable", "The picture is cut short.")
    return data[start : found.start()].rstrip(b"\xff")


def _check_frame(body: bytes) -> None:
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not 0 < height * width <= MAX_PIXELS:
        raise InvalidMessage("picture-too-many-pixels", f"The picture must have 1 to {MAX_PIXELS} pixels.")


def _colours_of(marker: int, body: bytes) -> bytes:
    if marker == 0xE0 and body.startswith(b"JFIF\x00"):
        return _JFIF
    if marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        return _ADOBE + body[11:12]
    return b""


def _check_decodable(data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            image.draft("L", (1, 1))  # an eighth of the size: all bytes are read, few pixels are made
            image.load()
    except Exception as error:  # Pillow raises whatever the bytes lead it into
        raise InvalidMessage("picture-not-decodable", "The picture cannot be decoded.") from error


def _not_jpeg(how: str) -> InvalidMessage:
    return InvalidMessage("picture-not-jpeg", f"The picture is not a JPEG file: it {how}.")
