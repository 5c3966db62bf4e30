import stat
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.access.tokens import TokenVerifier, issue_token, load_verifier
from platestream.clock import SetClock
from platestream.errors import ConfigError, InvalidMessage
from platestream.settings import Settings

HOUR = timedelta(hours=1)


@pytest.fixture
def verifier(settings: Settings, clock: SetClock) -> TokenVerifier:
    return load_verifier(settings, clock)


def claims(settings: Settings, clock: SetClock, **changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    return {
        "iss": settings.gateway.issuer,
        "aud": settings.gateway.audience,
        "sub": "analyst-7",
        "iat": now,
        "exp": now + 3600,
    } | changes


def signed(settings: Settings, content: dict[str, Any]) -> str:
    key = load_pem_private_key(settings.path(settings.gateway.token_key_file).read_bytes(), None)
    return jwt.encode(content, key, algorithm="EdDSA")  # type: ignore[arg-type]


def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(InvalidMessage) as refused:
        verifier.person_of(token)
    assert refused.value.reason == "unauthenticated"
    return str(refused.value)


def test_a_token_names_its_person_until_it_expires(
    settings: Settings, clock: SetClock, verifier: TokenVerifier
) -> None:
    token = issue_token(settings, "analyst-7", HOUR, clock)
    assert verifier.person_of(token) == "analyst-7"
    clock.advance(HOUR - timedelta(seconds=1))
    assert verifier.person_of(token) == "analyst-7"
    clock.advance(timedelta(seconds=1))
    assert "expired" in refusal(verifier, token)


def test_the_key_is_made_once_and_is_private(settings: Settings, clock: SetClock, verifier: TokenVerifier) -> None:
    file = settings.path(settings.gateway.token_key_file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    issue_token(settings, "analyst-7", HOUR, clock)
    assert file.read_bytes() == before


def test_a_token_is_not_good_before_its_time(settings: Settings, clock: SetClock, verifier: TokenVerifier) -> None:
    token = issue_token(settings, "analyst-7", HOUR, clock)
    clock.advance(-timedelta(minutes=1))
    assert "not valid yet" in refusal(verifier, token)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aud": "another-service"}, "InvalidAudience"),
        ({"aud": ["platestream-gateway", "another-service"]}, "InvalidAudience"),
        ({"iss": "another-issuer"}, "InvalidIssuer"),
        ({"sub": None}, "MissingRequiredClaim"),
        ({"exp": None}, "MissingRequiredClaim"),
        ({"iat": None}, "MissingRequiredClaim"),
        ({"aud": None}, "MissingRequiredClaim"),
        ({"iss": None}, "MissingRequiredClaim"),
        ({"sub": 7}, "InvalidSubject"),
        ({"sub": "a person with spaces"}, "form"),
        ({"sub": "\ud800"}, "form"),
        ({"exp": "never"}, "form"),
        ({"exp": True}, "form"),
        ({"exp": 1e300}, "form"),
        ({"nbf": 10**10}, "not valid yet"),
        ({"nbf": "later"}, "form"),
        ({"nbf": None, "sub": "gateway"}, "form"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    settings: Settings, clock: SetClock, verifier: TokenVerifier, changes: dict[str, Any], word: str
) -> None:
    content = {name: value for name, value in claims(settings, clock, **changes).items() if value is not None}
    assert word in refusal(verifier, signed(settings, content))


def test_only_the_issuers_key_counts(settings: Settings, clock: SetClock, verifier: TokenVerifier) -> None:
    token = jwt.encode(claims(settings, clock), Ed25519PrivateKey.generate(), algorithm="EdDSA")
    assert "InvalidSignature" in refusal(verifier, token)


def test_the_token_does_not_choose_the_algorithm(settings: Settings, clock: SetClock, verifier: TokenVerifier) -> None:
    public = verifier.keys.key_of("")[0].public_bytes(Encoding.Raw, PublicFormat.Raw)
    symmetric = jwt.encode(claims(settings, clock), public, algorithm="HS256")
    unsigned = jwt.encode(claims(settings, clock), None, algorithm="none")
    assert "InvalidAlgorithm" in refusal(verifier, symmetric)
    assert "InvalidAlgorithm" in refusal(verifier, unsigned)


@given(st.text(max_size=60))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_text_is_refused_with_a_sentence(verifier: TokenVerifier, text: str) -> None:
    assert refusal(verifier, text)


def test_ids_and_keys_that_cannot_be_used_are_said(settings: Settings, clock: SetClock) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        issue_token(settings, "two words", HOUR, clock)
    file = settings.path(settings.gateway.token_key_file)
    file.parent.mkdir(parents=True)
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="Ed25519"):
        load_verifier(settings, clock)
