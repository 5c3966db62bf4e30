"""Which rule lets a request through, route by route, in one table. The gateway does not start with a route beside it.

`open` asks for nothing, `token` for a valid token; all else is an action of the table in gateway/access/roles.py.
Whoever is to get access asks for it before any role is theirs, so that takes a token alone, as does asking what one may
do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from fastapi import FastAPI
from starlette.routing import Route

from gateway.access.roles import Action
from platestream.errors import ConfigError

RouteRule = Action | Literal["open", "token"]

_TABLE = """
GET  /                                open
GET  /docs                            open
GET  /openapi.json                    open
GET  /healthz                         open
GET  /public-log                      open
GET  /public-log.csv                  open
POST /v1/searches                     search
POST /v1/searches/last-seen           search
POST /v1/searches/partial             search
POST /v1/searches/area                search
POST /v1/searches/reader              search
POST /v1/searches/places              search
GET  /v1/pictures/{link}              search
GET  /v1/me                           token
GET  /v1/people/{person_id}           read-access
GET  /v1/access-requests              read-access
GET  /v1/flags                        review-flags
GET  /v1/holds                        read-holds
POST /v1/holds                        open-hold
POST /v1/exculpatory-requests         record-exculpatory
POST /v1/holds/{hold_id}/changes      change-hold
POST /v1/holds/{hold_id}/package      export-evidence
GET  /v1/suppressions                 keep-suppressions
POST /v1/suppressions                 keep-suppressions
POST /v1/suppressions/ended           keep-suppressions
POST /v1/acts/access-requested        token
POST /v1/acts/access-approved         approve-access
POST /v1/acts/access-denied           approve-access
POST /v1/acts/access-authorized       authorize-access
POST /v1/acts/access-reviewed         review-access
POST /v1/acts/authorization-revoked   revoke-access
POST /v1/acts/assignment-changed      revoke-access
POST /v1/acts/training-recorded       record-training
POST /v1/acts/role-assigned           assign-role
POST /v1/acts/role-ended              assign-role
POST /v1/acts/delegation-given        delegate
POST /v1/acts/delegation-ended        delegate
POST /v1/acts/case-registered         register-case
POST /v1/acts/case-closed             register-case
POST /v1/acts/tracking-permitted      permit-tracking
POST /v1/acts/tracking-ended          permit-tracking
POST /v1/acts/staff-plate-noted       record-training
POST /v1/acts/flag-reviewed           review-flags
POST /v1/acts/suspension-ordered      suspend
POST /v1/acts/suspension-lifted       lift-suspension
"""


def _parse(table: str) -> Mapping[tuple[str, str], RouteRule]:
    rows = (line.split() for line in table.strip().splitlines())
    return {(method, path): cast(RouteRule, rule) for method, path, rule in rows}


ROUTE_RULES = _parse(_TABLE)
OPEN_PATHS = frozenset(path for (_, path), rule in ROUTE_RULES.items() if rule == "open")


def action_of(method: str, path: str) -> Action:
    """The action that a route needs. Raises KeyError for one that needs none."""
    rule = ROUTE_RULES[method, path]
    if rule in {"open", "token"}:
        raise KeyError(path)
    return cast(Action, rule)


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path of all that is answered, also of included routers."""
    for route in app.routes:
        if isinstance(route, Route):
            yield from ((method, route.path) for method in route.methods or ())
        else:
            yield from routes_of(route.original_router)


def check_routes(app: FastAPI) -> None:
    """Raises ConfigError unless each route has its rule and each rule its route. Keeps: access.list"""
    served = {(method, path) for method, path in routes_of(app) if method != "HEAD"}
    if differing := served.symmetric_difference(ROUTE_RULES):
        named = ", ".join(sorted(f"{method} {path}" for method, path in differing))
        raise ConfigError(f"Routes and the table in gateway/access/route_rules.py differ: {named}.")
