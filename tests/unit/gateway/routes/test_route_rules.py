"""Route by role by state: what is let through is what the tables say, and each refusal is in the ledger."""

import os
from datetime import timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.access.purpose_acts import GATEWAY
from gateway.access.roles import CELLS, USES
from gateway.access.route_rules import ROUTE_RULES
from gateway.searches.links import PATH, PictureLinks
from gateway.signing import load_signer
from platestream.settings import GatewaySettings, Settings
from schemas.messages import PictureKind
from sinks.clickhouse.reads import StoredPicture
from sinks.pictures.store import PictureStore, day_of
from streams.ledger.events import SearchDecided, body_of, new_event, search_requested
from streams.ledger.evidence import ActRefused
from streams.ledger.people import ROLES, AccessAuthorized, AccessRequested, AuthorizationRevoked, Role, RoleAssigned
from streams.ledger.purposes import MisuseFlagged
from streams.ledger.sealing import load_seals
from tests.asking import (
    ADMINISTRATOR,
    ANALYST,
    COMMANDER,
    NOW,
    approved,
    example_of,
    found_program,
    found_read,
    lift,
    plate_search,
    suspend,
    trained,
)
from tests.holding import by_plate, opened_hold
from tests.storing import an_image
from tests.unit.gateway.conftest import Asked

STATES = ("in order", "untrained", "lapsed", "revoked", "suspended")
CLOSED = sorted(route for route, rule in ROUTE_RULES.items() if rule != "open")
ID = UUID("0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11")  # what the examples name


class Walk:
    """One gateway; each try is by a person of its own, who has roles and is in a state."""

    def __init__(self, asked: Asked, described: dict[str, Any]) -> None:
        self.asked, self.tries, self.described = asked, 0, described
        found_program(asked.ledger, asked.clock)
        flag = MisuseFlagged(
            flag_id=ID, person_id=ANALYST, detector="burst", search_id=ID, search_count=1, first_at=NOW
        )
        self.write(flag, GATEWAY, "flag")
        self.write(opened_hold(by_plate(NOW), NOW, hold_id=ID), COMMANDER, str(ID))

    def write(self, body: Any, by: str, about: str) -> None:
        self.asked.ledger.append(new_event(body, at=NOW, actor_id=by, subject_id=about))

    def person(self, roles: set[Role], state: str) -> str:
        """Somebody new in this state."""
        self.tries += 1
        person_id = f"person-{self.tries}"
        for role in sorted(roles):
            self.write(RoleAssigned(person_id=person_id, role=role), COMMANDER, person_id)
        start = NOW - timedelta(days=400 if state == "lapsed" else 1)
        approval = approved(person_id, NOW, from_at=start)
        self.write(approval, COMMANDER, person_id)
        authorized = AccessAuthorized(authorization_id=approval.authorization_id, person_id=person_id)
        self.write(authorized, ADMINISTRATOR, person_id)
        if state != "untrained":
            self.write(trained(person_id, NOW), ADMINISTRATOR, person_id)
        if state == "revoked":
            revoked = AuthorizationRevoked(person_id=person_id, revoked_by=COMMANDER, reason="left")
            self.write(revoked, COMMANDER, person_id)
        return person_id

    def status(self, route: tuple[str, str], roles: set[Role], state: str) -> int:
        """What the route answers; a refusal must be in the ledger and be a problem that names its rule."""
        asked, person_id = self.asked, self.person(roles, state)
        self.write(approved(ANALYST, NOW, authorization_id=ID), COMMANDER, ANALYST)
        waiting = AccessRequested(authorization_id=ID, person_id=ANALYST, assignment="auto theft", purpose="cars")
        self.write(waiting, ANALYST, ANALYST)
        if state == "suspended":
            suspend(asked.ledger, asked.clock)
        before = len(asked.ledger.log)
        answer = self.ask(route, person_id)
        if answer.status_code == 403:
            assert answer.json()["rule"], route
            assert len(asked.ledger.log) > before, route
        lift(asked.ledger, asked.clock)
        return int(answer.status_code)

    def ask(self, route: tuple[str, str], person_id: str) -> Any:
        """As the example says, about the person and the hold that are there."""
        method, path = route
        token, link = self.asked.token(person_id), self.link(person_id) if "{link}" in path else ""
        operation = self.described["paths"][path][method.lower()]
        body = example_of(self.described, operation) if "requestBody" in operation else None
        address = path.format(person_id=ANALYST, hold_id=ID, link=link)
        return self.asked.client.request(method, address, json=body, headers=token)

    def link(self, person_id: str) -> str:
        """To a picture of which a search told the person."""
        search = plate_search(NOW, person_id)
        seals = load_seals(self.asked.settings)
        requested = search_requested(search.asked, search.looked_for, at=NOW, person_id=person_id, seals=seals)
        self.asked.ledger.append(requested)
        search_id = search.asked.search_id
        decided = SearchDecided(search_id=search_id, is_allowed=True, rule="query.log", sentence="In order.")
        self.write(decided, GATEWAY, str(search_id))
        image, read = an_image(), found_read()
        PictureStore(self.asked.settings).write(day_of(read.collected_at), read.read_id, PictureKind.PLATE, image)
        picture = StoredPicture(sha256=sha256(image).digest(), kind="PLATE")
        links = PictureLinks(load_signer(self.asked.settings, "picture-link", 15))
        return links.link(search_id, person_id, NOW, read, picture).removeprefix(PATH)


def is_let_through(route: tuple[str, str], roles: set[Role], state: str) -> bool:
    """The tables read by hand."""
    rule = ROUTE_RULES[route]
    if rule == "token":
        return True
    cells = [CELLS[rule, role] for role in roles]  # type: ignore[index]
    return "yes" in cells and "no" not in cells and (rule not in USES or state == "in order")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, gateway=GatewaySettings(tracking_searches=100_000))


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The OpenAPI description, which takes a second to make."""
    return {}


@pytest.fixture
def walk(asked: Asked, described: dict[str, Any]) -> Walk:
    if not described:
        described.update(asked.app.openapi())
    return Walk(asked, described)


@pytest.mark.rule("access.list", "access.approval", "training.before-use", "program.administration", "suspension.order")
@pytest.mark.parametrize("route", CLOSED, ids=" ".join)
def test_each_route_lets_through_whom_the_tables_let(walk: Walk, route: tuple[str, str]) -> None:
    states = STATES if ROUTE_RULES[route] in USES or "PLATESTREAM_SOAK" in os.environ else ("revoked", "suspended")
    for roles, state in product([set[Role](), *({role} for role in ROLES)], states):
        status = walk.status(route, roles, state)
        assert status in ({200, 201, 204} if is_let_through(route, roles, state) else {403}), (roles, state)


@pytest.mark.rule("program.administration", "suspension.order")
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(CLOSED), st.sets(st.sampled_from(ROLES)), st.sampled_from(STATES))
def test_several_roles_let_through_what_none_of_them_forbids(
    walk: Walk, route: tuple[str, str], roles: set[Role], state: str
) -> None:
    status = walk.status(route, roles, state)
    assert status in ({200, 201, 204} if is_let_through(route, roles, state) else {403})


def test_no_route_answers_a_token_of_nobody_known(walk: Walk) -> None:
    for method, path in CLOSED:
        answer = walk.ask((method, path), "never-named")
        assert answer.status_code in ({200, 201} if ROUTE_RULES[method, path] == "token" else {403}), path


@pytest.mark.rule("suspension.order")
def test_an_act_that_would_count_from_anyone_is_refused_before_it_is_written(walk: Walk) -> None:
    ledger = walk.asked.ledger
    assert walk.status(("POST", "/v1/acts/suspension-lifted"), {"investigator"}, "suspended") == 403
    refused = [event for event in ledger.events() if event.kind == "act-refused"][-1]
    body = body_of(refused)
    assert isinstance(body, ActRefused)
    assert (body.action, body.rule) == ("lift-suspension", "program.administration")
