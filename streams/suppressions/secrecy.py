"""How the list of suppressed plates is kept secret: a keyed hash as the topic's key, one encrypted box as its value.

Both come from one key file that the list's keeper, the processors and storage hold. Boxes are padded, so that a length
tells nothing; two boxes of one plate have nothing in common.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nacl.bindings import sodium_pad, sodium_unpad
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from platestream.clock import from_ms, to_ms
from platestream.errors import ConfigError, IntegrityError
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings

_KEY_BYTES = 32
_BLOCK_BYTES = 128


@dataclass(frozen=True, kw_only=True, repr=False)
class SuppressedPlate:
    """A folded plate, since when it is suppressed, and before when: None is without end."""

    folded: bytes
    since_at: datetime
    until_at: datetime | None

    def is_in_force(self, now: datetime) -> bool:
        return self.until_at is None or now < self.until_at


class SuppressionKey:
    """Hashes and encrypts. Raises ConfigError when the key has another length than 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ConfigError(
                f"suppressions.key_file must hold {_KEY_BYTES} bytes; take it from where the list is kept."
            )
        self._hash_key = _derive(key, b"suppression-hash")
        self._box = SecretBox(_derive(key, b"suppression-box"))

    def hash(self, folded: bytes) -> bytes:
        """Key of a folded plate on the topic."""
        return hashlib.blake2b(folded, key=self._hash_key, digest_size=32).digest()

    def encrypt(self, plate: SuppressedPlate) -> bytes:
        until_ms = None if plate.until_at is None else to_ms(plate.until_at)
        content = json.dumps([plate.folded.decode(), to_ms(plate.since_at), until_ms]).encode()
        return bytes(self._box.encrypt(sodium_pad(content, _BLOCK_BYTES)))

    def decrypt(self, encrypted: bytes) -> SuppressedPlate:
        """Raises IntegrityError when this key did not make it."""
        try:
            folded, since_ms, until_ms = json.loads(sodium_unpad(self._box.decrypt(encrypted), _BLOCK_BYTES))
        except CryptoError:
            raise IntegrityError("suppressions holds a message that suppressions.key_file does not open.") from None
        return SuppressedPlate(
            folded=folded.encode(),
            since_at=from_ms(since_ms),
            until_at=None if until_ms is None else from_ms(until_ms),
        )


def load_suppression_key(settings: Settings) -> SuppressionKey:
    """Raises ConfigError when the key file is missing, open to others or malformed."""
    return SuppressionKey(read_secret(settings.path(settings.suppressions.key_file)))


def new_suppression_key(file: Path) -> bool:
    """Make the key. An existing one is kept and False returned: with a new one the list could not be read."""
    return write_secret(file, secrets.token_bytes(_KEY_BYTES))


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(key=key, digest_size=_KEY_BYTES, person=purpose).digest()
