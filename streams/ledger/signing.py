"""Signs heads of the ledger's chain: whoever holds a signed head can tell whether anything before it was changed since.

The private key belongs to whoever runs the program; the public key and the signed heads are for everyone.
"""

import base64
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from platestream.errors import ConfigError, IntegrityError
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings
from streams.ledger.events import HeadSigned
from streams.ledger.proof import statement
from streams.ledger.verification import Verified

_KEY_BYTES = 32


class HeadSigner:
    """Holds the private key. `public_key` is what verifies."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, topic: str, offset: int, head: bytes, at: datetime, lines: str = "") -> str:
        """The signature of a head in base64; `lines` is the last check of an export."""
        return base64.b64encode(self._key.sign(statement(topic, offset, head, at.isoformat(), lines))).decode()


def load_signer(settings: Settings) -> HeadSigner:
    """Raises ConfigError when the key file is missing, open to others or malformed."""
    file = settings.path(settings.gateway.ledger_signing_key_file)
    try:
        key = base64.b64decode(read_secret(file).strip(), validate=True)
        return HeadSigner(Ed25519PrivateKey.from_private_bytes(key))
    except ValueError:
        raise ConfigError(f"{file} holds no signing key ({_KEY_BYTES} bytes in base64); make it anew.") from None


def signed_head(verified: Verified, topic: str, signer: HeadSigner, at: datetime) -> HeadSigned:
    """The head of a ledger that was followed without a fault, ready to be written into it.

    Raises IntegrityError when something is wrong with the ledger or there is nothing in it.
    """
    if verified.faults or not verified.events:
        raise IntegrityError("The ledger does not verify, so its head is not signed; see `platestream ledger verify`.")
    offset = verified.events - 1
    return HeadSigned(
        offset=offset,
        head=verified.head.hex(),
        at=at.isoformat(),
        signature=signer.sign(topic, offset, verified.head, at),
    )


def new_signing_key(file: Path) -> bool:
    """Make the key, and its public half beside it as `.pub`; an existing one is kept and False returned."""
    key = Ed25519PrivateKey.generate()
    if not write_secret(file, base64.b64encode(key.private_bytes_raw()) + b"\n"):
        return False
    try:
        public_key_file(file).write_bytes(base64.b64encode(key.public_key().public_bytes_raw()) + b"\n")
    except OSError as error:
        raise ConfigError(f"{public_key_file(file)} cannot be written: {error.strerror}.") from None
    return True


def public_key_file(file: Path) -> Path:
    """Where the public half of a signing key is."""
    return file.with_suffix(".pub")


def read_public_key(file: Path) -> bytes:
    """32 bytes. Raises ConfigError when the file holds something else."""
    try:
        key = base64.b64decode(file.read_bytes().strip(), validate=True)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{file} holds no public key ({_KEY_BYTES} bytes in base64).")
    return key
