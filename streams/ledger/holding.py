"""Bodies of the events of steps 7 and 9: holds opened, changed and ended, destruction started and certified.

The plates and read ids that a hold names are sealed beside the body. Nothing here says, or depends on, whether a plate
is suppressed.
"""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from schemas.messages import Latitude, Longitude, Name
from streams.ledger.body import Body, Shape

Count = Annotated[int, Field(ge=0)]
_MOST_POINTS = 100


class _Span(Shape):
    """Collected in [collected_from, collected_until)."""

    collected_from: AwareDatetime
    collected_until: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.collected_from >= self.collected_until:
            raise ValueError("the end of the time span must come after its beginning")
        return self

    def covers(self, collected_at: datetime) -> bool:
        return self.collected_from <= collected_at < self.collected_until


class ByPlate(_Span):
    """Reads of the plates that are sealed beside the body, in every spelling that folds to the same."""

    by: Literal["plate"] = "plate"


class ByReaders(_Span):
    """All reads of some readers."""

    by: Literal["readers"] = "readers"
    device_ids: Annotated[tuple[Name, ...], Field(min_length=1)]


class Circle(Shape):
    """All within `radius_metres` of a point."""

    latitude: Latitude
    longitude: Longitude
    radius_metres: Annotated[float, Field(gt=0, le=50_000)]


class Point(Shape):
    latitude: Latitude
    longitude: Longitude


class Polygon(Shape):
    """All within a ring of points, the last joined with the first; it may not cross the 180th meridian."""

    points: Annotated[tuple[Point, ...], Field(min_length=3, max_length=_MOST_POINTS)]

    def square_degrees(self) -> float:
        """The area it encloses; 0 when its points lie on one line. The store cannot search in that."""
        pairs = zip(self.points, [*self.points[1:], self.points[0]], strict=True)
        return abs(sum(a.longitude * b.latitude - b.longitude * a.latitude for a, b in pairs)) / 2


class ByArea(_Span):
    """All reads collected in an area."""

    by: Literal["area"] = "area"
    area: Circle | Polygon


class ByReads(Shape):
    """The reads whose ids are sealed beside the body."""

    by: Literal["reads"] = "reads"
    read_count: Annotated[int, Field(ge=1)]


Selection = Annotated[ByPlate | ByReaders | ByArea | ByReads, Field(discriminator="by")]


class HoldOpened(Body):
    """An investigation, or someone charged by a written request, keeps reads beyond their 60 days.

    `document_id` names the approval or the request. `attested_until` is when someone must say again that it is needed.
    """

    kind = "hold-opened"

    hold_id: UUID
    hold_kind: Literal["investigation", "exculpatory"]
    case_number: Name
    document_id: Name
    opened_by: Name
    attested_until: AwareDatetime
    selection: Selection


class HoldChanged(Body):
    """Needed still (`attested`), an investigation that is over (`inactive`) or a charge that is (`disposed`).

    `document_id` names the attestation, the retention schedule or the disposition.
    """

    kind = "hold-changed"

    hold_id: UUID
    change: Literal["attested", "inactive", "disposed"]
    document_id: Name
    changed_by: Name
    attested_until: AwareDatetime | None = None
    destroy_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _says_until_when(self) -> Self:
        if (self.change == "attested") != (self.attested_until is not None):
            raise ValueError("an attestation, and nothing else, says until when it stands")
        if (self.change == "inactive") != (self.destroy_at is not None):
            raise ValueError("an investigation that is over, and nothing else, says when its data is destroyed")
        return self


class HoldEnded(Body):
    """All that a hold kept is destroyed. `read_count` and `picture_count` are what it kept until then."""

    kind = "hold-ended"

    hold_id: UUID
    read_count: Count
    picture_count: Count
    method: Name


class PlaceCount(Shape):
    """How many records or files that are due lie in one place."""

    place: Name
    count: Count


class HoldCount(Shape):
    """How much one hold keeps."""

    hold_id: UUID
    read_count: Count
    picture_count: Count


class DestructionStarted(Body):
    """A sweep destroys what was collected before `collected_before` and what ended holds kept, counted beforehand.

    A hold that is opened by a later event comes too late for what was due here.
    """

    kind = "destruction-started"

    sweep_id: UUID
    collected_before: AwareDatetime
    found: tuple[PlaceCount, ...]
    ending: tuple[HoldCount, ...] = ()


class PlaceDestroyed(Shape):
    """What a sweep destroyed in one place, how, and what its own predicate still finds there.

    `destroyed` is null when the place could not be counted beforehand.
    """

    place: Name
    destroyed: Count | None
    survivors: Literal[0]
    method: Name


class DestructionCertified(Body):
    """Nothing collected before `collected_before` is left in any place, but for what holds keep."""

    kind = "destruction-certified"

    sweep_id: UUID
    collected_before: AwareDatetime
    places: tuple[PlaceDestroyed, ...]
    held_reads: Count


HOLDING = (HoldOpened, HoldChanged, HoldEnded, DestructionStarted, DestructionCertified)
