"""Whatever the description allows or almost allows: no 5xx, nothing without a token, errors as problems.

Schemathesis makes requests from the OpenAPI description, valid and invalid ones; few by default, many under soak.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.generation import GenerationMode

from gateway.access.route_rules import OPEN_PATHS, ROUTE_RULES
from platestream.settings import GatewaySettings, Settings
from streams.ledger.people import RoleAssigned
from tests.asking import COMMANDER, found_read, let_in, lift
from tests.unit.gateway.conftest import Asked

EXAMPLES = 200 if os.environ.get("PLATESTREAM_SOAK") else 2
PERSON = "tester-1"
ROLES = ("investigator", "commander", "lpr-administrator", "5b-keeper")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    limits = GatewaySettings(requests_per_minute=1_000_000, tracking_searches=1_000_000)
    return Settings(home=tmp_path, gateway=limits)


@pytest.fixture
def ready(asked: Asked) -> Iterator[Asked]:
    """A gateway that has something to tell, and a person who may do nearly everything."""
    let_in(asked.ledger, asked.clock, PERSON)
    for role in ROLES:
        body = RoleAssigned.model_validate({"person_id": PERSON, "role": role})
        asked.write(body, by=COMMANDER, about=PERSON)
    asked.reads.reads.append(found_read())
    yield asked


def check_operation(ready: Asked, operation: Any, mode: GenerationMode) -> None:
    """Some requests of an operation: without a token, and from the person."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        stranger = case.call(headers={"Authorization": "Bearer none"})
        assert stranger.status_code in {401, 413} or operation.path in OPEN_PATHS  # too large is not even looked at
        answer = case.call(headers=ready.token(PERSON))
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
            assert answer.json()["status"] == answer.status_code
        lift(ready.ledger, ready.clock)  # an order among the requests must not end the test of searches

    check()


@pytest.mark.timeout(7200)
@pytest.mark.rule("access.list")
def test_any_request_is_answered_by_a_rule_and_never_by_a_fault(ready: Asked) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", ready.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(operation.method.upper(), operation.path) for operation in operations} >= {
        route for route, rule in ROUTE_RULES.items() if rule != "open"
    }
    for operation in operations:
        check_operation(ready, operation, GenerationMode.POSITIVE)
        if operation.body:
            check_operation(ready, operation, GenerationMode.NEGATIVE)
