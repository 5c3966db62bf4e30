"""A backup on disk: sealed parts, and a manifest with the hash of each, written last; without it there is no backup.

Parts are encrypted with AES-256-GCM and bound to backup and name. The key comes from the key file and the manifest's
salt, so that destroying the manifest puts the parts beyond reach also for whoever has the file.
"""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from os import urandom
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from platestream.durable_files import write_durably
from platestream.errors import ConfigError, IntegrityError
from platestream.secret_files import read_secret

MANIFEST = "manifest.json"
PART_BYTES = 8 * 1024 * 1024
_MAC = "manifest.mac"
_KEY_BYTES, _NONCE_BYTES = 32, 12


class Part(BaseModel):
    """A sealed file as it lies there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size_bytes: int


class Manifest(BaseModel):
    """What a backup has. `parts` are by file name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backup_id: UUID
    created_at: AwareDatetime
    destroy_by: AwareDatetime
    salt: str
    ledger_events: int
    ledger_head: str
    holds: tuple[UUID, ...]
    parts: dict[str, Part]


class BackupKey:
    """Seals and opens the parts of one backup. Raises ConfigError when the key file cannot be used."""

    def __init__(self, file: Path, salt: bytes) -> None:
        secret = read_secret(file)
        if len(secret) < _KEY_BYTES:
            raise ConfigError(f"The backup key {file} is too short; make one with `openssl rand -out FILE 32`.")
        keys = HKDF(SHA256(), 2 * _KEY_BYTES, salt, b"platestream backup").derive(secret)
        self._gcm, self._mac_key = AESGCM(keys[:_KEY_BYTES]), keys[_KEY_BYTES:]

    def seal(self, content: bytes, belonging: bytes) -> bytes:
        nonce = urandom(_NONCE_BYTES)
        return nonce + self._gcm.encrypt(nonce, content, belonging)

    def open(self, sealed: bytes, belonging: bytes) -> bytes:
        """Raises InvalidTag when it is another's or was changed."""
        return self._gcm.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], belonging)

    def mac(self, content: bytes) -> str:
        return hmac.new(self._mac_key, content, hashlib.sha256).hexdigest()


class NewBackup:
    """A backup that is being written into `folder`: `add` parts, then `finish`. Both raise OSError."""

    def __init__(self, folder: Path, key_file: Path, backup_id: UUID) -> None:
        self._folder, self._id, self._salt = folder, backup_id, urandom(_KEY_BYTES)
        self._key = BackupKey(key_file, self._salt)
        self._parts: dict[str, Part] = {}

    def add(self, name: str, content: bytes) -> None:
        sealed = self._key.seal(content, _belonging(self._id, name))
        write_durably(self._folder / name, sealed)
        self._parts[name] = Part(sha256=hashlib.sha256(sealed).hexdigest(), size_bytes=len(sealed))

    def finish(
        self, created_at: datetime, destroy_by: datetime, ledger: tuple[int, bytes], holds: tuple[UUID, ...]
    ) -> Manifest:
        """`ledger` is the count of events and the head."""
        manifest = Manifest(
            backup_id=self._id,
            created_at=created_at,
            destroy_by=destroy_by,
            salt=self._salt.hex(),
            ledger_events=ledger[0],
            ledger_head=ledger[1].hex(),
            holds=holds,
            parts=self._parts,
        )
        text = manifest.model_dump_json(indent=1).encode()
        write_durably(self._folder / _MAC, self._key.mac(text).encode())
        write_durably(self._folder / MANIFEST, text)
        return manifest


class StoredBackup:
    """A backup as it was written, or none: everything is compared with the manifest before anything is given out. Only
    a whole hold may be missing; asking for its parts is an IntegrityError.

    Raises ConfigError when the folder is no backup or the key file cannot be used, IntegrityError when anything was
    changed or the key is another one.
    """

    def __init__(self, folder: Path, key_file: Path) -> None:
        self.folder = folder
        try:
            text, mac = (folder / MANIFEST).read_bytes(), (folder / _MAC).read_text()
            self.manifest = Manifest.model_validate_json(text)
            salt = bytes.fromhex(self.manifest.salt)
        except (OSError, ValidationError, ValueError):
            raise ConfigError(
                f"{folder} has no manifest of a backup; name the folder that the backup printed."
            ) from None
        self._key = BackupKey(key_file, salt)
        if not hmac.compare_digest(self._key.mac(text), mac):
            raise IntegrityError("The backup was made with another key, or its manifest was changed.")
        for name in self.manifest.parts:
            if not self._is_taken_out(name):
                self._sealed(name)

    def parts(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Name and content of the parts whose names begin so, in order."""
        for name in sorted(self.manifest.parts):
            if name.startswith(prefix):
                yield name, self._opened(name)

    def _is_taken_out(self, name: str) -> bool:
        """A hold that ended is taken out of a backup whole. The ledger says whether it may be missing."""
        kind, of, *_ = name.split("/")
        return kind == "holds" and not (self.folder / kind / of).exists()

    def _opened(self, name: str) -> bytes:
        try:
            return self._key.open(self._sealed(name), _belonging(self.manifest.backup_id, name))
        except InvalidTag:
            raise IntegrityError(f"Part {name} of the backup is not what was sealed there.") from None

    def _sealed(self, name: str) -> bytes:
        part = self.manifest.parts[name]
        try:
            sealed = (self.folder / name).read_bytes()
        except OSError as error:
            raise IntegrityError(f"Part {name} of the backup cannot be read ({error.strerror}).") from None
        if len(sealed) != part.size_bytes or hashlib.sha256(sealed).hexdigest() != part.sha256:
            raise IntegrityError(f"Part {name} of the backup is not what the manifest says; nothing was restored.")
        return sealed


def _belonging(backup_id: UUID, name: str) -> bytes:
    return f"platestream backup\x1f{backup_id}\x1f{name}".encode()
