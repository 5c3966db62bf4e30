"""Who is asking: bearer tokens (JWT) of the local issuer or an OIDC provider. Authorization is the ledger's to say."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.types import Options

from gateway.access.provider import ProviderKeys
from platestream.clock import Clock
from platestream.errors import ConfigError, InvalidMessage
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings

_ALGORITHM = "EdDSA"
_CHECKED: Options = {
    "verify_exp": False,  # the three times are ours to check: PyJWT asks the machine's clock
    "verify_iat": False,
    "verify_nbf": False,
}
_SKEW_SECONDS = 30
_RESERVED = {"gateway", "ledger", "storage"}  # what services write of themselves
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


def issue_token(settings: Settings, person_id: str, ttl: timedelta, clock: Clock) -> str:
    """A token for a person, good for `ttl` from now. The issuer's key is made on first use.

    Raises ConfigError when the id is not of letters, digits and `._@-`, or the key cannot be used.
    """
    if not _PERSON.fullmatch(person_id) or person_id in _RESERVED:
        raise ConfigError("A person's id is 1 to 100 letters, digits and ._@- and no service's; choose another.")
    now = clock.now()
    claims = {
        "iss": settings.gateway.issuer,
        "aud": settings.gateway.audience,
        "sub": person_id,
        "iat": int(now.timestamp()),
        "exp": int((now + ttl).timestamp()),
    }
    return jwt.encode(claims, _load_key(_key_file(settings)), algorithm=_ALGORITHM)


class Keys(Protocol):
    """Which key verifies a token. `is_remote` when asking may take a while."""

    @property
    def is_remote(self) -> bool: ...

    def key_of(self, token: str) -> tuple[Any, str]:
        """The key and its one algorithm. Raises InvalidMessage, TransientError when it cannot be known now."""
        ...


@dataclass(frozen=True)
class IssuerKey:
    """The one key of the local issuer."""

    key: Ed25519PublicKey
    is_remote: bool = False

    def key_of(self, token: str) -> tuple[Any, str]:
        return self.key, _ALGORITHM


@dataclass(frozen=True, kw_only=True)
class TokenVerifier:
    """Tells the person of a token. Only signatures of the known keys count, whatever the token asks for.

    `person_claim` is the claim with the person's id. Clocks may differ by `skew_seconds`.
    """

    keys: Keys
    issuer: str
    audience: str
    clock: Clock
    person_claim: str = "sub"
    skew_seconds: int = 0

    def person_of(self, token: str) -> str:
        """The person's id. Keeps: access.list

        Raises InvalidMessage with the reason `unauthenticated` and a sentence that says why, TransientError when the
        provider of keys is away.
        """
        claims = self._claims(token)
        person_id, issued_at, expires_at = claims[self.person_claim], claims["iat"], claims["exp"]
        not_before, now = claims.get("nbf", issued_at), self.clock.now().timestamp()
        is_person = type(person_id) is str and bool(_PERSON.fullmatch(person_id)) and person_id not in _RESERVED
        if not is_person or any(type(at) is not int for at in (issued_at, expires_at, not_before)):
            raise _unauthenticated("The token's times or its subject are not of the expected form.")
        if max(issued_at, not_before) > now + self.skew_seconds:
            raise _unauthenticated("The token is not valid yet.")
        if expires_at <= now:
            raise _unauthenticated("The token has expired; ask the issuer for a new one.")
        return str(person_id)

    def _claims(self, token: str) -> dict[str, Any]:
        key, algorithm = self.keys.key_of(token)
        required = ["iss", "aud", "iat", "exp", self.person_claim]
        options: Options = {**_CHECKED, "require": required, "strict_aud": not self.keys.is_remote}
        try:
            return jwt.decode(
                token, key, algorithms=[algorithm], audience=self.audience, issuer=self.issuer, options=options
            )
        except jwt.InvalidTokenError as error:
            raise _unauthenticated(f"The token cannot be accepted ({type(error).__name__}).") from None


def load_verifier(settings: Settings, clock: Clock) -> TokenVerifier:
    """A verifier of the provider's tokens when `gateway.jwks_url` names one, else of the local issuer's.

    The local issuer's key is made on first use. Raises ConfigError when key or URL cannot be used.
    """
    gateway = settings.gateway
    keys: Keys
    if gateway.jwks_url:
        keys = ProviderKeys(gateway.jwks_url)
    else:
        keys = IssuerKey(_load_key(_key_file(settings)).public_key())
    return TokenVerifier(
        keys=keys,
        issuer=gateway.issuer,
        audience=gateway.audience,
        clock=clock,
        person_claim=gateway.person_claim,
        skew_seconds=_SKEW_SECONDS if keys.is_remote else 0,
    )


def _unauthenticated(sentence: str) -> InvalidMessage:
    return InvalidMessage("unauthenticated", sentence)


def _key_file(settings: Settings) -> Path:
    return settings.path(settings.gateway.token_key_file)


def _load_key(file: Path) -> Ed25519PrivateKey:
    fresh = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if not file.exists():
        write_secret(file, fresh)
    try:
        key = load_pem_private_key(read_secret(file), password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("gateway.token_key_file does not hold an Ed25519 private key in PEM; move it away.")
    return key
