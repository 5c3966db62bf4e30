"""How often one may ask: by person, without a token by address."""

from pathlib import Path

import pytest

from gateway.access.rates import RateLimits
from platestream.settings import GatewaySettings, Settings
from tests.unit.gateway.conftest import Asked


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, gateway=GatewaySettings(requests_per_minute=5))


def test_one_person_who_asks_too_often_waits_and_others_do_not(asked: Asked) -> None:
    token, most = asked.token(), asked.settings.gateway.requests_per_minute
    answers = [asked.client.get("/v1/me", headers=token) for _ in range(most + 1)]
    assert {answer.status_code for answer in answers[:most]} == {200}
    late = answers[-1]
    assert (late.status_code, late.headers["content-type"]) == (429, "application/problem+json")
    assert int(late.headers["retry-after"]) >= 1
    assert asked.client.get("/v1/me", headers=asked.token("another")).status_code == 200


def test_an_address_without_a_token_cannot_ask_for_ever(asked: Asked) -> None:
    most = asked.settings.gateway.requests_per_minute
    assert {asked.client.get("/v1/me").status_code for _ in range(most)} == {401}
    assert asked.client.get("/").status_code == 429


def test_keys_have_a_share_each_and_are_forgotten_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.access.rates._MOST_KEYS", 2)
    rates = RateLimits(1)
    assert [rates.wait_seconds(key) for key in ("a", "b")] == [0, 0]
    assert 1 <= rates.wait_seconds("a") <= 60
    assert rates.wait_seconds("c") == 0  # b is forgotten: it was not heard of longest
    assert rates.wait_seconds("a") > 0
    assert rates.wait_seconds("b") == 0
