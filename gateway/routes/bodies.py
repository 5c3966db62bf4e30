"""What each kind of search is asked with: what is looked for, the purpose, and how much of the answer is wanted."""

from abc import abstractmethod
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from platestream.errors import InvalidMessage
from processors.matching.comparison import look_alikes
from schemas.messages import Name
from schemas.plates import WILDCARDS, fold, normalise_listed_plate, normalise_plate
from sinks.clickhouse.questions import About, AtAllPlaces, AtReaders, Fitting, InArea, OfPlates, Place
from streams.ledger.events import SearchKind
from streams.ledger.holding import Circle, Polygon
from streams.ledger.purposes import OFFENCES

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LEAST_FIXED = 3

Words = Annotated[str, Field(max_length=2000)]
Number = Annotated[str, Field(max_length=200)]
Match = Literal["exact", "folded", "look-alike"]
State = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Devices = Annotated[tuple[Name, ...], Field(min_length=1, max_length=50, description="ids of readers")]


def _in_this_century(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("it must be within this century")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_this_century)]
From = Annotated[Moment, Field(description="first moment, with its offset from UTC")]
Until = Annotated[Moment, Field(description="first moment no longer asked for")]

_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
_PURPOSE = {
    "collected_from": "2026-03-01T00:00:00Z",
    "collected_until": "2026-03-08T00:00:00Z",
    "case_number": "26-012345",
    "offence_category": "stolen-vehicle",
    "offence": "theft of a motor vehicle",
    "reason": "Locate the stolen car of the complainant",
    "factual_basis": "Owner reported the car stolen from Rice Street on 2 March, keys left inside",
}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields | _PURPOSE]})


class SearchBody(BaseModel):
    """A search. Without a purpose it is refused and that is logged; it is not a mistake of form."""

    model_config = _STRICT
    kind: ClassVar[SearchKind]

    collected_from: From
    collected_until: Until
    case_number: Annotated[Number | None, Field(description="case or incident number")] = None
    offence_category: Annotated[Number | None, Field(description="category of the offence: " + ", ".join(OFFENCES))] = (
        None
    )
    offence: Annotated[Number | None, Field(description="the offence in words")] = None
    reason: Annotated[Words | None, Field(description="what the search is for")] = None
    factual_basis: Annotated[Words | None, Field(description="facts that make the read pertinent to the case")] = None
    states: Annotated[tuple[State, ...], Field(max_length=60, description="only reads with one of these states")] = ()
    least_confidence: Annotated[
        float | None, Field(ge=0, le=1, description="only reads that their reader was so sure of; 0 to 1")
    ] = None
    row_limit: Annotated[int, Field(ge=1, le=10_000, description="most reads wanted in one answer")] = 10_000
    cursor: Annotated[
        str | None,
        Field(max_length=600, repr=False, description="of the answer before, for its rest; all else as it was"),
    ] = None

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.collected_from >= self.collected_until:
            raise ValueError("collected_from must come before collected_until")
        return self

    @abstractmethod
    def about(self) -> About:
        """What the store is asked. Raises InvalidMessage when a plate or pattern is none."""

    @abstractmethod
    def looked_for(self) -> dict[str, Any]:
        """What the ledger seals of it. Raises as `about`."""

    def may_come_down_to_a_plate(self) -> bool:
        """Whether its answer may show one plate alone without naming it."""
        return False

    def same_but_for_pages(self) -> str:
        """Equal for a search and for the rest of its answer."""
        return f"{self.kind} {self.model_dump_json(exclude={'cursor', 'row_limit'})}"


class PlateSearch(SearchBody):
    """Reads of one plate: as it was read (`exact`), in all spellings that are the same on a plate (`folded`), or also
    with one character that readers confuse (`look-alike`).
    """

    model_config = _example(plate="ABC123")
    kind: ClassVar[SearchKind] = "plate"

    plate: Annotated[str, Field(min_length=1, max_length=40, repr=False, description="in any spelling")]
    match: Annotated[Match, Field(description="how alike the plate that was read must be")] = "folded"

    def about(self) -> OfPlates:
        plate = normalise_plate(self.plate)
        if self.match == "exact":
            return OfPlates(folded_plates=(fold(plate),), as_read=plate)
        others = look_alikes(fold(plate)) if self.match == "look-alike" else ()
        return OfPlates(folded_plates=(fold(plate), *others))

    def looked_for(self) -> dict[str, Any]:
        return {"plate": normalise_plate(self.plate), "match": self.match}

    def may_come_down_to_a_plate(self) -> bool:
        return self.match == "look-alike"


class LastSeenSearch(PlateSearch):
    """The last read of one plate in the span."""

    model_config = _example(plate="ABC123")
    kind: ClassVar[SearchKind] = "last-seen"

    row_limit: Annotated[Literal[1], Field(description="it is one read")] = 1
    cursor: Annotated[None, Field(description="there is no rest")] = None


class PartialSearch(SearchBody):
    """Reads of all plates that fit a pattern, in which ? is one character and * any number of them, also none."""

    model_config = _example(pattern="AB?12*")
    kind = "partial"

    pattern: Annotated[
        str, Field(min_length=1, max_length=40, repr=False, description="at least 3 characters beside ? and *")
    ]

    def about(self) -> Fitting:
        return Fitting(folded_pattern=fold(self._pattern()))

    def looked_for(self) -> dict[str, Any]:
        return {"pattern": self._pattern()}

    def may_come_down_to_a_plate(self) -> bool:
        return True

    def _pattern(self) -> str:
        pattern = normalise_listed_plate(self.pattern)
        if sum(character not in WILDCARDS for character in pattern) < _LEAST_FIXED:
            raise InvalidMessage(
                "pattern-too-wide", f"A pattern needs at least {_LEAST_FIXED} characters beside ? and *."
            )
        return pattern


class AreaSearch(SearchBody):
    """All reads within a circle or a polygon."""

    model_config = _example(area={"latitude": 44.9537, "longitude": -93.09, "radius_metres": 500})
    kind = "area"

    area: Circle | Polygon

    def about(self) -> InArea:
        return InArea(area=_searchable(self.area))

    def looked_for(self) -> dict[str, Any]:
        return {"area": self.area.model_dump(mode="json")}


class ReaderSearch(SearchBody):
    """All reads of some readers."""

    model_config = _example(device_ids=["reader-14"])
    kind = "reader"

    device_ids: Devices

    def about(self) -> AtReaders:
        return AtReaders(device_ids=self.device_ids)

    def looked_for(self) -> dict[str, Any]:
        return {"device_ids": list(self.device_ids)}


class PlaceBody(BaseModel):
    """A place: an area, or some readers; in a span of its own, or in that of the search."""

    model_config = _STRICT

    area: Circle | Polygon | None = None
    device_ids: Devices | None = None
    collected_from: From | None = None
    collected_until: Until | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.area is None) == (self.device_ids is None):
            raise ValueError("a place is either an area or some readers")
        return self


class PlacesSearch(SearchBody):
    """Reads, at any of the places, of all plates that were read at every one of them."""

    model_config = _example(
        places=[
            {
                "area": {"latitude": 44.9537, "longitude": -93.09, "radius_metres": 500},
                "collected_until": "2026-03-03T00:00:00Z",
            },
            {"device_ids": ["reader-14", "reader-15"]},
        ]
    )
    kind = "places"

    places: Annotated[tuple[PlaceBody, ...], Field(min_length=2, max_length=10)]

    def about(self) -> AtAllPlaces:
        return AtAllPlaces(places=tuple(self._place(place) for place in self.places))

    def looked_for(self) -> dict[str, Any]:
        return {"places": [place.model_dump(mode="json", exclude_none=True) for place in self.places]}

    def _place(self, place: PlaceBody) -> Place:
        readers = AtReaders(device_ids=place.device_ids or ())
        return Place(
            where=InArea(area=_searchable(place.area)) if place.area else readers,
            collected_from=place.collected_from or self.collected_from,
            collected_until=place.collected_until or self.collected_until,
        )


def _searchable(area: Circle | Polygon) -> Circle | Polygon:
    if isinstance(area, Polygon) and not area.square_degrees():
        raise InvalidMessage("area-empty", "The polygon encloses nothing; name points that do not lie on one line.")
    return area
