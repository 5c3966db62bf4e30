"""Whether bytes are a picture that may be kept: a JPEG or PNG by content, not too large, and what their hash says.

Pillow looks at the bytes; no name or type that a sender gives is asked. A picture that would become too large when
decoded is refused by its header. A JPEG is decoded at an eighth of its size, of a PNG the checksums are verified, so a
small file never takes much memory or time.
"""

import hashlib
import io

from PIL import Image

from platestream.errors import InvalidMessage
from streams.devices.pictures import MAX_PIXELS, strip_metadata


def check_picture(content: bytes, sha256: bytes, max_bytes: int) -> None:
    """Raises InvalidMessage; its reason is one of hash-differs, picture-too-large, picture-of-other-type,
    picture-too-many-pixels, picture-not-jpeg, picture-not-decodable.
    """
    if len(content) > max_bytes:
        raise InvalidMessage("picture-too-large", f"The picture is larger than {max_bytes} bytes.")
    if hashlib.sha256(content).digest() != sha256:
        raise InvalidMessage("hash-differs", "The picture is not what its hash says.")
    if media_type(content) == "image/jpeg":
        strip_metadata(content)  # refuses rare kinds, too many pixels and too many scans
    _check_with_pillow(content)


def media_type(content: bytes) -> str:
    """`image/jpeg` or `image/png`, by the first bytes. Raises InvalidMessage when it is neither."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    raise InvalidMessage("picture-of-other-type", "The picture is neither a JPEG nor a PNG file.")


def _check_with_pillow(content: bytes) -> None:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as image:
            pixels = image.width * image.height
            if pixels <= MAX_PIXELS and image.format == "JPEG":
                image.draft("L", (1, 1))
                image.load()
            elif pixels <= MAX_PIXELS:
                image.verify()
    except Image.DecompressionBombError:
        pixels = MAX_PIXELS + 1
    except Exception as error:  # Pillow raises whatever the bytes lead it into
        raise InvalidMessage("picture-not-decodable", "The picture cannot be decoded.") from error
    if pixels > MAX_PIXELS:
        raise InvalidMessage("picture-too-many-pixels", f"The picture has more than {MAX_PIXELS} pixels.")
