"""POST /v1/searches and below: a question and its purpose in, stored reads with their notice out."""

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response

from gateway.problems import Problem
from gateway.routes.answers import SearchAnswer, StepShown, as_csv, found_row
from gateway.routes.bodies import (
    AreaSearch,
    LastSeenSearch,
    PartialSearch,
    PlacesSearch,
    PlateSearch,
    ReaderSearch,
    SearchBody,
)
from gateway.routes.leaving import while_there
from gateway.searches.desk import Answered, Search, SearchDesk
from gateway.searches.links import PictureLinks
from gateway.searches.pages import Cursors, Page
from sinks.clickhouse.questions import Question
from streams.ledger.events import SearchRequested

Format = Annotated[Literal["json", "csv"], Query(alias="format", description="json, or csv for a table")]
Explain = Annotated[bool, Query(description="whether to say what each rule said")]


@dataclass(frozen=True, kw_only=True)
class Answering:
    """What turns a body into a search and what was found into an answer."""

    desk: SearchDesk
    cursors: Cursors
    links: PictureLinks
    max_rows: int
    retention_days: int

    async def answer(self, body: SearchBody, request: Request, form: str, explain: bool) -> Response:
        """The whole way of one search. Raises what the desk raises, InvalidMessage when the body asks for nothing."""
        person_id: str = request.state.person_id
        search = self._search(body, person_id)
        search_id = search.asked.search_id
        answered = await while_there(request, partial(self.desk.ask, search), partial(self.desk.reads.end, search_id))
        answer = self._answer(body, search, answered, explain=explain)
        if form == "csv":
            headers = {"Platestream-Search-Id": str(search_id), "Platestream-Cursor": answer.cursor or ""}
            return Response(as_csv(answer), media_type="text/csv; charset=utf-8", headers=headers)
        return Response(answer.model_dump_json(), media_type="application/json")

    def _search(self, body: SearchBody, person_id: str) -> Search:
        page = None
        if body.cursor is not None:
            page = self.cursors.open(body.cursor, body.same_but_for_pages(), person_id, self.desk.clock.now())
        return search_of(body, person_id, self.max_rows, page)

    def _answer(self, body: SearchBody, search: Search, answered: Answered, *, explain: bool) -> SearchAnswer:
        found, asked, person_id = answered.found, search.asked, search.person_id
        now = self.desk.clock.now()
        cursor = None
        if body.kind != "last-seen":
            first = asked.page_of or asked.search_id
            cursor = self.cursors.next_page(found, first, body.same_but_for_pages(), person_id, now)
        link = partial(self.links.link, asked.search_id, person_id, now)
        return SearchAnswer(
            search_id=asked.search_id,
            row_count=len(found.reads),
            is_truncated=found.is_truncated,
            cursor=cursor,
            rows=[found_row(read, self.retention_days, link) for read in found.reads],
            steps=[StepShown.model_validate(vars(step)) for step in answered.decision.steps] if explain else None,
        )


def search_of(body: SearchBody, person_id: str, max_rows: int, page: Page | None = None) -> Search:
    """A body as a search for at most `max_rows` reads, those behind `page` if there is one. Raises as `body.about`."""
    asked = _asked(body, max_rows, page.page_of if page else None)
    question = Question(
        about=body.about(),
        collected_from=asked.collected_from,
        collected_until=asked.collected_until,
        row_limit=asked.row_limit,
        states=body.states,
        least_confidence=body.least_confidence,
        after=page.after if page else None,
    )
    return Search(
        person_id=person_id,
        question=question,
        looked_for=body.looked_for(),
        asked=asked,
        may_come_down_to_a_plate=body.may_come_down_to_a_plate(),
    )


def search_routes(answering: Answering) -> APIRouter:
    """The routes of searches, a kind each."""
    router = APIRouter(tags=["searches"])
    post = partial(router.post, response_model=SearchAnswer, responses=_ANSWERS)

    @post("/v1/searches", summary="Search stored reads of one plate")
    async def plate(body: PlateSearch, request: Request, form: Format = "json", explain: Explain = False) -> Response:
        """Every search is written to the ledger before it is answered, refused ones too. The person is the token's.
        With `explain=1` the answer, or the refusal, says what each rule said.
        """
        return await answering.answer(body, request, form, explain)

    @post("/v1/searches/last-seen", summary="The last stored read of one plate")
    async def last_seen(
        body: LastSeenSearch, request: Request, form: Format = "json", explain: Explain = False
    ) -> Response:
        """Like a search for all of its reads, of which the newest is told."""
        return await answering.answer(body, request, form, explain)

    @post("/v1/searches/partial", summary="Search stored reads of plates that fit a pattern")
    async def fitting(
        body: PartialSearch, request: Request, form: Format = "json", explain: Explain = False
    ) -> Response:
        """An answer that comes down to one plate counts as a search for that plate."""
        return await answering.answer(body, request, form, explain)

    @post("/v1/searches/area", summary="Search stored reads by area and time")
    async def area(body: AreaSearch, request: Request, form: Format = "json", explain: Explain = False) -> Response:
        """A circle by its middle and radius, or a polygon by its points."""
        return await answering.answer(body, request, form, explain)

    @post("/v1/searches/reader", summary="Search stored reads by reader and time")
    async def reader(body: ReaderSearch, request: Request, form: Format = "json", explain: Explain = False) -> Response:
        """All reads of the readers that are named."""
        return await answering.answer(body, request, form, explain)

    @post("/v1/searches/places", summary="Search for plates seen at several places")
    async def places(body: PlacesSearch, request: Request, form: Format = "json", explain: Explain = False) -> Response:
        """Plates that were read at every one of the places, each in its span of time."""
        return await answering.answer(body, request, form, explain)

    return router


_PROBLEMS = {
    401: "no valid token",
    403: "refused by the rule that is named; the refusal is logged",
    413: "the body is too large",
    422: "not a search, or one that would read too much",
    429: "too many searches of this person under way",
    503: "ledger or store is away; nothing was answered",
}
_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    **{status: {"model": Problem, "description": description} for status, description in _PROBLEMS.items()},
}


def _asked(body: SearchBody, max_rows: int, page_of: UUID | None) -> SearchRequested:
    return SearchRequested(
        search_id=uuid4(),
        search=body.kind,
        page_of=page_of,
        case_number=body.case_number,
        offence_category=body.offence_category,
        offence=body.offence,
        reason=body.reason,
        factual_basis=body.factual_basis,
        collected_from=body.collected_from.astimezone(UTC),
        collected_until=body.collected_until.astimezone(UTC),
        row_limit=min(body.row_limit, max_rows),
    )
