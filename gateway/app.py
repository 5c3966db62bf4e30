"""Puts the gateway together: door, routes, problems. Step 8 of a plate read's way, asked."""

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer

from gateway.access.guard import Guard
from gateway.access.limits import limits_of
from gateway.access.rates import RateLimits
from gateway.access.route_rules import check_routes
from gateway.access.state import AccessState
from gateway.access.tokens import load_verifier
from gateway.describing import describe
from gateway.door import Door
from gateway.evidence.desk import EvidenceDesk
from gateway.keeping import Keeping
from gateway.problems import add_problem_handlers
from gateway.routes.acts import act_routes
from gateway.routes.holds import hold_routes
from gateway.routes.pages import open_pages
from gateway.routes.people import people_routes
from gateway.routes.pictures import picture_routes
from gateway.routes.public_log import public_log_routes
from gateway.routes.searches import Answering, search_routes
from gateway.routes.suppressions import suppression_routes
from gateway.searches.desk import SearchDesk
from gateway.searches.finding import StoredReads
from gateway.searches.links import PictureLinks
from gateway.searches.pages import Cursors
from gateway.searches.pictures import PictureDesk
from gateway.searches.shares import Shares
from gateway.signing import load_signer
from platestream.clock import Clock
from platestream.settings import Settings
from sinks.pictures.store import PictureStore
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import Seals, load_seals
from streams.ledger.signing import load_signer as load_head_signer

_ABOUT = (
    "The only door to stored licence-plate reads: who asks, why and on what facts is written down before the answer."
)


def create_gateway(
    settings: Settings, reads: StoredReads, ledger: Ledger[AccessState], clock: Clock, keeping: Keeping
) -> FastAPI:
    """The application.

    Raises ConfigError when a key or the pattern of case numbers is missing or malformed, or a route has no rule.
    """
    seals, limits = load_seals(settings), limits_of(settings.gateway)
    guard = Guard(ledger=ledger, clock=clock, limits=limits)
    app = FastAPI(
        title="platestream gateway",
        description=_ABOUT,
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    rates = RateLimits(settings.gateway.requests_per_minute)
    app.add_middleware(Door, verifier=load_verifier(settings, clock), rates=rates)
    add_problem_handlers(app)
    bearer = HTTPBearer(auto_error=False, description="token of the issuer; the door checks it")  # for OpenAPI
    for routes in (
        *_search_routers(settings, reads, guard, seals),
        people_routes(guard),
        act_routes(guard, seals),
        hold_routes(guard, keeping.holds, _evidence_desk(settings, guard, keeping)),
        suppression_routes(guard, keeping.suppressions, keeping.suppressed),
    ):
        app.include_router(routes, dependencies=[Depends(bearer)])
    app.include_router(public_log_routes(reads, lambda: ledger.replay_all().public, clock))
    app.include_router(open_pages(app, ledger, reads))
    describe(app)
    check_routes(app)
    return app


def _search_routers(settings: Settings, reads: StoredReads, guard: Guard, seals: Seals) -> tuple[APIRouter, APIRouter]:
    """Searches, and the pictures that their answers link to."""
    desk = SearchDesk(
        ledger=guard.ledger,
        seals=seals,
        limits=guard.limits,
        reads=reads,
        clock=guard.clock,
        retention_days=settings.retention.days,
        shares=Shares(settings.gateway.searches_at_once),
    )
    links = PictureLinks(load_signer(settings, "picture-link", settings.gateway.picture_link_minutes))
    pictures = PictureDesk(
        ledger=guard.ledger,
        seals=seals,
        limits=guard.limits,
        store=PictureStore(settings),
        links=links,
        clock=guard.clock,
    )
    answering = Answering(
        desk=desk,
        cursors=Cursors(load_signer(settings, "page-cursor", settings.gateway.cursor_minutes)),
        links=links,
        max_rows=settings.gateway.max_rows,
        retention_days=settings.retention.days,
    )
    return search_routes(answering), picture_routes(pictures)


def _evidence_desk(settings: Settings, guard: Guard, keeping: Keeping) -> EvidenceDesk:
    return EvidenceDesk(
        guard=guard,
        holds=keeping.holds.ledger,
        held=keeping.held,
        pictures=keeping.pictures,
        history=keeping.history,
        signer=load_head_signer(settings),
        folder=settings.home,
        most_reads=settings.gateway.max_package_reads,
    )
