"""Seals what the ledger must keep but not show: plates, the words of a search, and the read ids of its answer.

A sealed box (libsodium) is made for each person who may read the log, from their public key alone: the gateway
writes, and cannot read back. The keyed hash of the folded plate beside it says only "the same plate again"; whoever
holds its key could try all plates, so it stays with the gateway.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from nacl.bindings import sodium_pad, sodium_unpad
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from platestream.errors import ConfigError, InvalidMessage
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings
from schemas.plates import fold

_KEY_BYTES = 32
_BLOCK_BYTES = 64
_READ_ID_BYTES = 16
_MOST_SEALED_BYTES = 900_000  # a Kafka message has a million at most


class Seals:
    """Seals to each log reader and hashes plates. Cannot open anything."""

    def __init__(self, readers: Sequence[PublicKey], hash_key: bytes) -> None:
        self._boxes = [SealedBox(reader) for reader in readers]
        self._hash_key = hash_key

    def seal(self, content: bytes) -> tuple[bytes, ...]:
        """One box a log reader. Padded to 64 bytes, so that a length does not tell a plate."""
        padded = sodium_pad(content, _BLOCK_BYTES)
        return tuple(bytes(box.encrypt(padded)) for box in self._boxes)

    def hash_plate(self, plate: str) -> bytes:
        """32 bytes, equal for plates that fold to the same."""
        folded = fold(plate).encode()
        return hashlib.blake2b(folded, key=self._hash_key, digest_size=32, person=b"plate-hash").digest()


def load_seals(settings: Settings, also_to: Sequence[PublicKey] = ()) -> Seals:
    """Read the log readers' public keys and the hash key. `also_to` may open what is sealed, too.

    Raises ConfigError when one is missing or malformed, or when the read ids of the largest answer, sealed to each
    reader, would not fit into one event.
    """
    hash_key = read_secret(settings.path(settings.gateway.plate_hash_key_file))
    if len(hash_key) != _KEY_BYTES:
        raise ConfigError(f"gateway.plate_hash_key_file must hold {_KEY_BYTES} bytes; make it anew.")
    readers = _read_readers(settings.path(settings.gateway.log_reader_keys_file))
    if len(readers) * settings.gateway.max_rows * _READ_ID_BYTES > _MOST_SEALED_BYTES:
        raise ConfigError(f"gateway.max_rows is too large for {len(readers)} log readers; lower it.")
    return Seals([*readers, *also_to], hash_key)


def new_plate_hash_key(file: Path) -> bool:
    """Make the key of plate hashes; an existing one is kept and False returned (a new one would end all equality)."""
    return write_secret(file, secrets.token_bytes(_KEY_BYTES))


def new_log_reader(name: str, *, public_keys_file: Path, private_key_file: Path) -> bool:
    """Make a key pair for a log reader: the public half is added to the gateway's list, the private one is theirs.

    False when the private key file is already there; nothing is changed then. Raises ConfigError for a name with
    spaces, or when the files cannot be written.
    """
    if not name or any(character.isspace() for character in name):
        raise ConfigError("A log reader's name is one word; choose another.")
    key = PrivateKey.generate()
    if not write_secret(private_key_file, base64.b64encode(bytes(key)) + b"\n"):
        return False
    try:
        public_keys_file.parent.mkdir(parents=True, exist_ok=True)
        with public_keys_file.open("a", encoding="utf-8") as opened:
            opened.write(f"{name} {base64.b64encode(bytes(key.public_key)).decode()}\n")
            os.fsync(opened.fileno())
    except OSError as error:
        raise ConfigError(f"{public_keys_file} cannot be written: {error.strerror}.") from None
    return True


class SealOpener:
    """Holds a log reader's private key. Raises ConfigError when its file is unusable."""

    def __init__(self, private_key_file: Path) -> None:
        self._box = SealedBox(read_private_key(private_key_file))

    def open(self, sealed: Sequence[bytes]) -> bytes:
        """What was sealed. Raises InvalidMessage when none of the boxes is for this key."""
        for sealed_box in sealed:
            try:
                return sodium_unpad(self._box.decrypt(sealed_box), _BLOCK_BYTES)
            except CryptoError:
                continue
        raise InvalidMessage("not-for-this-key", "None of the boxes of this event is sealed to this key.")


def open_seal(sealed: Sequence[bytes], private_key_file: Path) -> bytes:
    """What was sealed, for the holder of a log reader's private key. Raises as `SealOpener`."""
    return SealOpener(private_key_file).open(sealed)


def new_private_key(file: Path) -> bool:
    """Make a key that opens what is sealed to its public half. False when the file is there already: it is kept."""
    return write_secret(file, base64.b64encode(bytes(PrivateKey.generate())) + b"\n")


def read_private_key(file: Path) -> PrivateKey:
    """Raises ConfigError when the file is missing, open to others, or holds no key."""
    return PrivateKey(_decode_key(read_secret(file), file))


def _read_readers(file: Path) -> list[PublicKey]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            f"gateway.log_reader_keys_file cannot be read: {error.strerror}; make a log reader."
        ) from None
    readers = [PublicKey(_decode_key(line.split()[-1].encode(), file)) for line in lines if line.strip()]
    if not readers:
        raise ConfigError("gateway.log_reader_keys_file names nobody who could read the log; make a log reader.")
    return readers


def _decode_key(text: bytes, file: Path) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{file} holds something that is no key ({_KEY_BYTES} bytes in base64).")
    return key
