"""Tokens of an OIDC provider, whose keys are fetched over HTTP, change, and may be away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.access.provider import ProviderKeys
from gateway.access.tokens import TokenVerifier, load_verifier
from platestream.clock import SetClock
from platestream.errors import ConfigError, InvalidMessage, TransientError
from platestream.settings import GatewaySettings, Settings
from tests.asking import NOW
from tests.stack import free_port

ISSUER, AUDIENCE = "https://login.example.org", "platestream-gateway"


@dataclass
class Provider:
    """A provider of keys. `keys` are private ones by their id; what it publishes are the public halves."""

    keys: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    times_asked: int = 0

    def published(self) -> bytes:
        self.times_asked += 1
        return json.dumps({"keys": [_public(kid, key) for kid, key in self.keys.items()]}).encode()

    def token(self, kid: str, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        now = int(NOW.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": [AUDIENCE, "other"],
            "sub": "0f3",
            "upn": "analyst-7",
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode(claims | changes, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})


def _public(kid: str, key: Any) -> dict[str, Any]:
    kind, algorithm = (RSAAlgorithm, "RS256") if isinstance(key, rsa.RSAPrivateKey) else (ECAlgorithm, "ES256")
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": algorithm}


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = provider.published()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}/keys"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider({"first": rsa.generate_private_key(65537, 2048)})
    with serving(one):
        yield one


def verifier_of(provider: Provider, cooldown_seconds: float = 0) -> TokenVerifier:
    keys = ProviderKeys(provider.url, cooldown_seconds)
    return TokenVerifier(keys=keys, issuer=ISSUER, audience=AUDIENCE, clock=SetClock(NOW), person_claim="upn")


def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(InvalidMessage) as refused:
        verifier.person_of(token)
    assert refused.value.reason == "unauthenticated"
    return str(refused.value)


@pytest.mark.rule("access.list")
def test_a_providers_token_names_its_person_also_after_its_keys_were_changed(provider: Provider) -> None:
    verifier = verifier_of(provider)
    assert verifier.person_of(provider.token("first")) == "analyst-7"
    old = provider.keys.pop("first")
    provider.keys["second"] = ec.generate_private_key(ec.SECP256R1())
    assert verifier.person_of(provider.token("second", algorithm="ES256")) == "analyst-7"
    assert "names no key" in refusal(verifier, provider.token("first", old))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aud": "another-service"}, "InvalidAudience"),
        ({"iss": "https://elsewhere.example.org"}, "InvalidIssuer"),
        ({"exp": int(NOW.timestamp())}, "expired"),
        ({"nbf": int(NOW.timestamp()) + 60}, "not valid yet"),
        ({"iat": int(NOW.timestamp()) + 60}, "not valid yet"),
        ({"upn": "two words"}, "form"),
        ({"upn": 7}, "form"),
    ],
)
def test_issuer_audience_and_times_are_checked(provider: Provider, changes: dict[str, Any], word: str) -> None:
    assert word in refusal(verifier_of(provider), provider.token("first", **changes))


def test_a_key_that_is_not_the_providers_and_an_algorithm_of_the_tokens_choice_are_refused(provider: Provider) -> None:
    verifier = verifier_of(provider)
    stranger = rsa.generate_private_key(65537, 2048)
    assert "InvalidSignature" in refusal(verifier, provider.token("first", stranger))
    assert "InvalidAlgorithm" in refusal(verifier, provider.token("first", algorithm="PS256"))
    assert refusal(verifier, jwt.encode({"sub": "analyst-7"}, "x" * 32, algorithm="HS256", headers={"kid": "first"}))
    assert refusal(verifier, "no token")


def test_tokens_with_unknown_keys_do_not_make_the_gateway_ask_each_time(provider: Provider) -> None:
    verifier = verifier_of(provider, cooldown_seconds=60)
    verifier.person_of(provider.token("first"))
    stranger = rsa.generate_private_key(65537, 2048)
    for number in range(20):
        assert refusal(verifier, provider.token(f"unknown-{number}", stranger))
    assert provider.times_asked == 1


def test_a_provider_that_is_away_is_no_reason_to_let_anyone_in(provider: Provider) -> None:
    away = Provider(provider.keys, f"http://127.0.0.1:{free_port()}/keys")
    with pytest.raises(TransientError, match="does not answer"):
        verifier_of(away).person_of(provider.token("first"))


def test_a_provider_by_another_way_than_http_is_refused() -> None:
    with pytest.raises(ConfigError, match="jwks_url"):
        ProviderKeys("file:///etc/passwd")
    settings = Settings(gateway=GatewaySettings(jwks_url="https://login.example.org/keys"))
    assert load_verifier(settings, SetClock(NOW)).keys.is_remote
