"""A delimited hotlist file with a header line, read into entries.

Columns: PlateNumber (mandatory), PlateState, EffectiveDate, ExpiryDate, Category; others are passed over. A date means
the day in the list's zone: an entry is in force from the start of EffectiveDate to the end of ExpiryDate. Bad rows are
named by line and reason, never by plate. Where a list may hold partial plates, PlateNumber says ? for one unknown
character and * for any number of them.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from platestream.errors import InvalidMessage
from schemas.messages import HotlistEntry, MatchKind
from schemas.plates import normalise_listed_plate, normalise_plate
from streams.hotlists.kinds import check_kind, has_wildcards
from streams.hotlists.templates import HotlistTemplate

_ENTRIES = uuid5(NAMESPACE_URL, "urn:platestream:hotlist-entry")
_INSTRUCTION = re.compile("stop|arrest|confirm|detain|seize", re.IGNORECASE)
_NAMED_FAULTS = 10
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class RowFault:
    """A row that cannot be an entry; `reason` is from a closed set."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class HotlistFile:
    """What a file holds. `expired_rows` were over before the extract was made and are left out."""

    entries: tuple[HotlistEntry, ...]
    faults: tuple[RowFault, ...]
    expired_rows: int


def read_hotlist(lines: Iterable[str], template: HotlistTemplate, extracted_at: datetime) -> HotlistFile:
    """Read a file, extracted from its source at `extracted_at` (aware).

    Raises InvalidMessage when there is no PlateNumber column or more rows are bad than the template allows.
    """
    entries: dict[str, HotlistEntry] = {}
    faults: list[RowFault] = []
    rows = expired = 0
    for line, row in _rows(lines, template.delimiter):
        rows += 1
        try:
            entry = _entry(row, template, extracted_at)
        except InvalidMessage as fault:
            faults.append(RowFault(line=line, reason=fault.reason))
            continue
        if entry.expires_at <= extracted_at:
            expired += 1
        else:
            entries[entry.entry_id] = entry
    if len(faults) > rows * template.most_bad_rows:
        raise InvalidMessage("too-many-bad-rows", _explain(faults, rows))
    return HotlistFile(entries=tuple(entries.values()), faults=tuple(faults), expired_rows=expired)


def entry_id(source: str, plate: str, state: str | None, category: str) -> str:
    """The identity of a row: loading a list again gives the same ids."""
    return str(uuid5(_ENTRIES, "\x1f".join((source, plate, state or "", category))))


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    reader = csv.DictReader(lines, delimiter=delimiter)
    try:
        columns = [name.strip().lstrip("\ufeff") for name in reader.fieldnames or ()]
        if "PlateNumber" not in columns:
            raise InvalidMessage("column-missing", "The first line names no column PlateNumber; check the delimiter.")
        reader.fieldnames = columns
        for row in reader:
            yield reader.line_num, dict(row)
    except csv.Error as error:
        raise InvalidMessage("not-delimited", f"Line {reader.line_num} cannot be read as delimited text.") from error


def _entry(fields: dict[str, str | None], template: HotlistTemplate, extracted_at: datetime) -> HotlistEntry:
    if None in fields:  # where csv puts surplus ones; missing ones it fills with None
        raise InvalidMessage("too-many-fields", "The row has more fields than the first line has names.")
    row = {name: (text or "").strip() for name, text in fields.items()}
    state = _state(row.get("PlateState", ""))
    category = _category(row.get("Category", ""), template)
    plate = (normalise_listed_plate if template.partial_categories else normalise_plate)(row["PlateNumber"])
    effective_at = _day(row.get("EffectiveDate", ""), template) or extracted_at
    expires_at = _expiry(row.get("ExpiryDate", ""), template, extracted_at)
    if expires_at <= effective_at:
        raise InvalidMessage("dates-reversed", "The entry ends before it begins.")
    entry = HotlistEntry(
        plate=plate,
        match_kind=MatchKind.PARTIAL if has_wildcards(plate) else template.match_kind,
        entry_id=entry_id(template.source, plate, state, category),
        state=state,
        source=template.source,
        lawful_source=template.lawful_source,
        case_number=template.case_number,
        category=category,
        priority=template.priority,
        effective_at=effective_at,
        expires_at=expires_at,
        extracted_at=extracted_at,
        stale_after_seconds=_seconds(template.stale_after_hours),
        dropped_after_seconds=_seconds(template.dropped_after_hours),
    )
    check_kind(entry, template.partial_categories)
    return entry


def _seconds(hours: float | None) -> int | None:
    return None if hours is None else int(hours * 3600)


def _state(text: str) -> str | None:
    if text and not re.fullmatch("[A-Za-z]{2}", text):
        raise InvalidMessage("state-unusable", "A state is two letters.")
    return text.upper() or None


def _category(text: str, template: HotlistTemplate) -> str:
    """An alert shows the category, and no alert tells an officer what to do. Keeps: alert.not-probable-cause"""
    category = template.categories.get(text, text) or template.category
    if _INSTRUCTION.search(category) or len(category) > 200:
        raise InvalidMessage("category-unusable", "A category names a kind of record, not what to do.")
    return category


def _expiry(text: str, template: HotlistTemplate, extracted_at: datetime) -> datetime:
    if day := _day(text, template):
        return day + _DAY
    if template.valid_days is None:
        raise InvalidMessage("expiry-missing", "Each entry needs an end: ExpiryDate, or valid_days in the template.")
    return extracted_at + timedelta(days=template.valid_days)


def _day(text: str, template: HotlistTemplate) -> datetime | None:
    """Start of a day in the list's zone; adding days to it keeps to the zone's midnights."""
    if not text:
        return None
    try:
        return datetime.strptime(text, template.date_format).replace(tzinfo=ZoneInfo(template.zone))
    except ValueError:
        raise InvalidMessage("date-unusable", "A date is not in the template's date_format.") from None


def _explain(faults: list[RowFault], rows: int) -> str:
    named = ", ".join(f"line {fault.line} ({fault.reason})" for fault in faults[:_NAMED_FAULTS])
    more = f" and {len(faults) - _NAMED_FAULTS} more" if len(faults) > _NAMED_FAULTS else ""
    return f"{len(faults)} of {rows} rows are bad, so nothing of the file is taken: {named}{more}."
