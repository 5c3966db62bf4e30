"""GET /v1/pictures/LINK: a picture of a read, by the link that a search's answer gave."""

from fastapi import APIRouter, Request, Response

from gateway.problems import Problem, problem
from gateway.routes.answers import NOTICE
from gateway.searches.links import PATH
from gateway.searches.pictures import PictureDesk, PictureGone


def picture_routes(desk: PictureDesk) -> APIRouter:
    """The route of pictures."""
    router = APIRouter(tags=["searches"])

    @router.get(PATH + "{link}", summary="A picture of a read", response_class=Response, responses=_ANSWERS)
    def picture(link: str, request: Request) -> Response:
        """Each use of a link is written to the ledger before the picture is told. It is good for whoever was answered,
        for a short time. Keeps: share.notice
        """
        try:
            shown = desk.show(link, request.state.person_id)
        except PictureGone as gone:
            return problem(404, str(gone))
        return Response(shown.content, media_type=shown.media_type, headers={"Platestream-Notice": NOTICE})

    return router


_PROBLEMS = {
    401: "no valid token",
    403: "refused by the rule that is named; the refusal is logged",
    404: "the picture is not in the store",
    422: "not a link of this person, or its time is over",
    503: "ledger or store is away; nothing was answered",
}
_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"content": {"image/jpeg": {}, "image/png": {}}},
    **{status: {"model": Problem, "description": description} for status, description in _PROBLEMS.items()},
}
