"""The device registry: which readers may post, where they stand, and how they prove who they are (before step 1).

A TOML file, one table a reader:

    [[device]]
    id = "squad-12"
    vendor = "rekor"
    credential = "sha256:5e88..."
    latitude = 44.9537
    longitude = -93.09
    zone = "America/Chicago"

The credential itself is never written down: the file holds the SHA-256 of a random 256-bit token. Such a token cannot
be guessed from its hash, so a slow password hash would only cost time on each posted message. Hashes are compared in
constant time.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from platestream.errors import ConfigError
from schemas.messages import Latitude, Longitude

_NO_HASH = "sha256:" + "0" * 64


class Device(BaseModel):
    """One reader. Position in degrees (WGS 84), zone by its IANA name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    vendor: str
    credential: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", repr=False)]
    latitude: Latitude
    longitude: Longitude
    zone: str

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):  # a folder of the zone database is an OSError
            raise ValueError("not a zone of the IANA database, for example America/Chicago") from None
        return zone


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    device: tuple[Device, ...] = ()


class Devices:
    """The readers of one registry file. Raises ConfigError when two share an id or a credential."""

    def __init__(self, devices: Collection[Device]) -> None:
        self._by_id = {device.id: device for device in devices}
        self._by_credential = {device.credential: device for device in devices}
        if len(self._by_id) < len(devices):
            raise ConfigError("Two devices of the registry have the same id; give each its own.")
        if len(self._by_credential) < len(devices):
            raise ConfigError("Two devices of the registry have the same credential; make a new one for each.")

    def __iter__(self) -> Iterator[Device]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def authenticate(self, authorization: str | None) -> Device | None:
        """The device that an Authorization header proves: `Bearer token` or `Basic base64(id:token)`; None if none."""
        scheme, _, given = (authorization or "").strip().partition(" ")
        if scheme.lower() == "bearer":
            return self._holder(given.strip())
        if scheme.lower() == "basic":
            return self._named(given.strip())
        return None

    def _holder(self, token: str) -> Device | None:
        """Looked up by hash: how long that takes tells nothing about the token."""
        return self._by_credential.get(_hash(token))

    def _named(self, encoded: str) -> Device | None:
        try:
            name, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        device = self._by_id.get(name)
        proved = hmac.compare_digest(device.credential if device else _NO_HASH, _hash(token))
        return device if proved else None


def new_credential() -> tuple[str, str]:
    """A new token, to be put into the reader, and the line that goes into its table of the registry file."""
    token = secrets.token_urlsafe(32)
    return token, f'credential = "{_hash(token)}"'


def load_devices(file: Path, vendors: Collection[str]) -> Devices:
    """Read a registry file. `vendors` are those that have an adapter.

    Raises ConfigError: the file is missing or not TOML, a key is unknown, a value is out of range, an id or credential
    is used twice.
    """
    try:
        found = _File.model_validate(tomllib.loads(file.read_text()))
    except OSError as error:
        raise ConfigError(f"The device registry {file} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The device registry {file} is not TOML: {error}.") from None
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        raise ConfigError(f"The device registry {file} is wrong. {'; '.join(mistakes)}.") from None
    for device in found.device:
        if device.vendor not in vendors:
            raise ConfigError(
                f"The device registry {file}: {device.id} names a vendor without an adapter; "
                f"there are {', '.join(sorted(vendors))}."
            )
    return Devices(found.device)


def _hash(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
