"""Who is asking: bearer tokens (JWT, Ed25519) of the local issuer. Authorization is not in them; the ledger has it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.types import Options

from platestream.clock import Clock
from platestream.errors import ConfigError, InvalidMessage
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings

_ALGORITHM = "EdDSA"
_CHECKED: Options = {
    "require": ["iss", "aud", "sub", "iat", "exp"],
    "strict_aud": True,
    "verify_exp": False,  # the three times are ours to check: PyJWT asks the machine's clock
    "verify_iat": False,
    "verify_nbf": False,
}
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


@dataclass(frozen=True)
class TokenVerifier:
    """Tells the person of a token. Only Ed25519 signatures of the one key count, whatever the token asks for."""

    key: Ed25519PublicKey
    issuer: str
    audience: str
    clock: Clock

    def person_of(self, token: str) -> str:
        """The person's id. Raises InvalidMessage with the reason `unauthenticated` and a sentence that says why."""
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=[_ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                options=_CHECKED,
            )
        except jwt.InvalidTokenError as error:
            raise _unauthenticated(f"The token cannot be accepted ({type(error).__name__}).") from None
        person_id, issued_at, expires_at = claims["sub"], claims["iat"], claims["exp"]
        now = self.clock.now().timestamp()
        is_person = bool(_PERSON.fullmatch(person_id)) and person_id not in _RESERVED
        if type(issued_at) is not int or type(expires_at) is not int or not is_person:
            raise _unauthenticated("The token's times or its subject are not of the expected form.")
        if issued_at > now or "nbf" in claims:
            raise _unauthenticated("The token is not valid yet.")
        if expires_at <= now:
            raise _unauthenticated("The token has expired; ask the issuer for a new one.")
        return str(person_id)


def load_verifier(settings: Settings, clock: Clock) -> TokenVerifier:
    """A verifier of the local issuer's tokens. The key is made on first use."""
    key = _load_key(_key_file(settings)).public_key()
    return TokenVerifier(key, settings.gateway.issuer, settings.gateway.audience, clock)


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
