"""Tokens of an OIDC provider: its keys by URL, fetched anew when a token names one that is not known yet."""

from typing import Any

import jwt
from jwt import PyJWKClient, PyJWKClientConnectionError, PyJWKClientError

from platestream.errors import ConfigError, InvalidMessage, TransientError

_ALGORITHMS = {"RS256", "PS256", "ES256", "EdDSA"}
_TIMEOUT_SECONDS = 5
_LIFESPAN_SECONDS = 300
_COOLDOWN_SECONDS = 10  # least time between two fetches for keys that nobody knows


class ProviderKeys:
    """The keys that a provider publishes (JWKS). Raises ConfigError when the URL cannot be one."""

    @property
    def is_remote(self) -> bool:
        return True

    def __init__(self, url: str, cooldown_seconds: float = _COOLDOWN_SECONDS) -> None:
        try:
            self._client = PyJWKClient(
                url, timeout=_TIMEOUT_SECONDS, lifespan=_LIFESPAN_SECONDS, cooldown_duration=cooldown_seconds
            )
        except PyJWKClientError as error:
            raise ConfigError(f"gateway.jwks_url cannot be used: {error}") from None

    def key_of(self, token: str) -> tuple[Any, str]:
        """The key that the token names and its one algorithm, which is the key's and not the token's to choose.

        Raises InvalidMessage when the token names no key of the provider, TransientError when the provider is away.
        """
        try:
            found = self._client.get_signing_key_from_jwt(token)
        except PyJWKClientConnectionError:
            raise TransientError("The provider that publishes the keys of tokens does not answer.") from None
        except jwt.PyJWTError as error:
            raise InvalidMessage(
                "unauthenticated", f"The token names no key of the provider ({type(error).__name__})."
            ) from None
        if found.algorithm_name not in _ALGORITHMS:
            raise InvalidMessage("unauthenticated", "The token's key is of a kind that is not accepted.")
        return found.key, found.algorithm_name
