"""Bodies of the events of a picture that is asked for by the link in an answer. The read's id is sealed beside it."""

from typing import Literal
from uuid import UUID

from schemas.messages import Name
from streams.ledger.body import Body


class PictureRequested(Body):
    """Someone opens the link to a picture of a read that the search told them of."""

    kind = "picture-requested"

    request_id: UUID
    search_id: UUID
    picture_kind: Name


class PictureAnswered(Body):
    """What became of it, before the picture is told: shown, refused by a rule, or no longer in the store."""

    kind = "picture-answered"

    request_id: UUID
    outcome: Literal["shown", "refused", "gone"]
    rule: Name
    sentence: str


PICTURES = (PictureRequested, PictureAnswered)
