"""One picture to encrypted bytes and back: AES-256-GCM, bound to the shelf, read and kind it belongs to.

A file is one byte that names this format, a random nonce of 12 bytes, and ciphertext with its tag. A key is used for
one day or one hold, far below the 2^32 random nonces that GCM allows for one key.
"""

from os import urandom
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platestream.errors import IntegrityError
from schemas.messages import PictureKind
from sinks.pictures.keys import Shelf

_FORMAT = b"\x01"
_NONCE_BYTES = 12


def seal_picture(key: bytes, shelf: Shelf, read_id: UUID, kind: PictureKind, content: bytes) -> bytes:
    """Encrypt a picture; two calls never give the same bytes."""
    nonce = urandom(_NONCE_BYTES)
    return _FORMAT + nonce + AESGCM(key).encrypt(nonce, content, _belonging(shelf, read_id, kind))


def open_picture(key: bytes, shelf: Shelf, read_id: UUID, kind: PictureKind, sealed: bytes) -> bytes:
    """The picture's bytes.

    Raises IntegrityError when the file was changed, moved from another read, kind or shelf, or has another key.
    """
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        if sealed[:1] != _FORMAT:
            raise InvalidTag
        return AESGCM(key).decrypt(nonce, body, _belonging(shelf, read_id, kind))
    except (InvalidTag, ValueError):  # a nonce or body that is cut short is a ValueError
        raise IntegrityError(
            f"The stored picture {kind.value} of read {read_id} ({shelf}) is not what was stored there; find out what "
            "changed it."
        ) from None


def _belonging(shelf: Shelf, read_id: UUID, kind: PictureKind) -> bytes:
    return f"platestream picture\x1f{shelf}\x1f{read_id}\x1f{kind.value}".encode()
