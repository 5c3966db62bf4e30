"""What a list's file does not say about itself: its source, why it is lawful, how to read it. One TOML file a list."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from platestream.errors import ConfigError
from platestream.settings import Hours, MatchingSettings
from schemas.messages import LawfulSource, MatchKind, Name, Priority
from streams.hotlists.kinds import TOP_PRIORITY, WIDER_KINDS

Share = Annotated[float, Field(ge=0, le=1)]


class HotlistTemplate(BaseModel):
    """One list. Keeps: match.lawful

    `valid_days` gives rows without ExpiryDate their end, counted from the extract; without it such rows are bad.
    `categories` puts the file's words for a category into the words that an alert shows. `match_kind` is that of whole
    plates. A plate with ? or * is a partial one, and a bad row unless its category is one of `partial_categories`.
    `stale_after_hours` and `dropped_after_hours` hold where they are shorter than those of the settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Name
    lawful_source: Literal[LawfulSource.STATE_FILE, LawfulSource.ACTIVE_INVESTIGATION]
    case_number: Name | None = None
    category: Name
    categories: dict[str, Name] = {}
    priority: Priority = 3
    match_kind: Literal[MatchKind.EXACT, MatchKind.FOLDED, MatchKind.FUZZY] = MatchKind.FOLDED
    partial_categories: tuple[Name, ...] = ()
    stale_after_hours: Hours | None = None
    dropped_after_hours: Hours | None = None
    valid_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    delimiter: Literal[",", ";", ":", "\t"] = ","
    date_format: str = "%Y-%m-%d"
    zone: str = "America/Chicago"
    most_bad_rows: Share = 0.03
    most_change: Share = 0.5

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError("is not a time zone, such as America/Chicago") from None
        return zone

    @model_validator(mode="after")
    def _investigations_have_a_case(self) -> Self:
        if self.lawful_source is LawfulSource.ACTIVE_INVESTIGATION and not (self.case_number or "").strip():
            raise ValueError("a list of an active investigation needs its case_number")
        return self

    @model_validator(mode="after")
    def _wider_kinds_are_not_urgent(self) -> Self:
        asks_wider = self.match_kind in WIDER_KINDS or self.partial_categories
        if asks_wider and self.priority == TOP_PRIORITY:
            raise ValueError("a list with FUZZY or partial plates never has the top priority; give it 2 or more")
        return self


def check_partial_categories(template: HotlistTemplate, settings: MatchingSettings) -> None:
    """Raises ConfigError for a category that may not be listed in part: no worker would match such entries."""
    if wrong := sorted(set(template.partial_categories) - set(settings.partial_categories)):
        raise ConfigError(
            f"The list {template.source} asks for partial plates of {', '.join(wrong)}. They are for serious crimes; "
            "matching.partial_categories names the categories."
        )


def read_template(file: Path) -> HotlistTemplate:
    """Read a template. Raises ConfigError with one line a mistake."""
    try:
        return HotlistTemplate.model_validate(tomllib.loads(file.read_text()))
    except OSError as error:
        raise ConfigError(f"The hotlist template {file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'template'}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigError(f"The hotlist template {file} is wrong. {'; '.join(lines)}.") from None
    except ValueError as error:
        raise ConfigError(f"The hotlist template {file} is no TOML: {error}.") from None
