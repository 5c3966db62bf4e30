"""The rules of matching once more, written down clause by clause without regard to speed: what the code is held to.

Shares no code with processors/matching and streams/hotlists but the records and the settings.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from platestream.settings import MatchingSettings
from schemas.messages import HotlistEntry, PlateRead

# every pair of characters that are mistaken for each other, once O is 0 and I is 1
_MISTAKEN = {
    frozenset(pair) for pair in ("0D", "0Q", "DQ", "2Z", "5S", "8B", "6G", "37", "27")
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What an alert has to say."""

    entry_id: str
    match_kind: str
    state_verdict: str
    priority: int
    is_late: bool
    is_stale: bool
    differing_positions: tuple[int, ...]
    matched_candidate: str | None


def expected_fault(entry: HotlistEntry, settings: MatchingSettings) -> str | None:
    """Why an entry may not be listed."""
    unknown = [character for character in entry.plate if character in "?*"]
    if unknown and entry.match_kind != "PARTIAL":
        return "wildcard-not-partial"
    if unknown and len(entry.plate) - len(unknown) < 4:
        return "too-few-known-characters"
    if unknown and entry.category not in settings.partial_categories:
        return "category-not-partial"
    if entry.priority == 1 and entry.match_kind in ("FUZZY", "PARTIAL"):
        return "top-priority-not-allowed"
    return None


def expected_alerts(
    read: PlateRead, entries: Iterable[HotlistEntry], now: datetime, settings: MatchingSettings, suppressed: set[str]
) -> list[Expected]:
    """The alerts of a read in their order: no faulty entry, nothing of a suppressed plate."""
    if same(read.plate) in suppressed:
        return []
    verdicts = [
        expected(read, entry, now, settings)
        for entry in entries
        if expected_fault(entry, settings) is None and same(entry.plate) not in suppressed
    ]
    alerts = [verdict for verdict in verdicts if isinstance(verdict, Expected)]
    return sorted(alerts, key=lambda alert: (alert.priority, alert.entry_id))


def expected(read: PlateRead, entry: HotlistEntry, now: datetime, settings: MatchingSettings) -> Expected | str:  # noqa: PLR0911 - a clause each
    """The alert, or the reason why there is none; for a faulty entry what is allowed all the same."""
    match = _match(read, entry, settings)
    stale_after, dropped_after = _limits(entry, settings)
    list_age = (now - entry.extracted_at).total_seconds()
    if match is None:
        return "plate-differs"
    if not _is_lawful(entry):
        return "not-lawful"
    if read.collected_at < entry.effective_at or now < entry.effective_at:
        return "not-effective"
    if read.collected_at >= entry.expires_at or now >= entry.expires_at:
        return "expired"
    if list_age > dropped_after:
        return "list-too-old"
    if read.state and entry.state and read.state != entry.state:
        return "state-differs"
    kind, positions, candidate = match
    verdict = "AGREES" if read.state and entry.state else "UNKNOWN"
    is_late = now - read.collected_at > timedelta(minutes=settings.late_after_minutes)
    priority = entry.priority + (verdict == "UNKNOWN") + is_late
    is_unsure = verdict == "UNKNOWN" or is_late or list_age > stale_after
    is_wide = kind in ("FUZZY", "PARTIAL") or entry.match_kind in ("FUZZY", "PARTIAL")
    if (is_unsure or is_wide) and priority == 1:
        priority = 2
    return Expected(
        entry_id=entry.entry_id,
        match_kind=kind,
        state_verdict=verdict,
        priority=5 if priority > 5 else priority,
        is_late=is_late,
        is_stale=list_age > stale_after,
        differing_positions=positions,
        matched_candidate=candidate,
    )


def same(plate: str) -> str:
    """By rule 7403.0400 O and 0 are one character, and I and 1."""
    return "".join({"O": "0", "I": "1"}.get(character, character) for character in plate)


def _match(  # noqa: PLR0911 - a clause each
    read: PlateRead, entry: HotlistEntry, settings: MatchingSettings
) -> tuple[str, tuple[int, ...], str | None] | None:
    plate, listed = read.plate, entry.plate
    differing = tuple(i for i in range(len(listed)) if i >= len(plate) or plate[i] != listed[i])
    if plate == listed:
        return "EXACT", (), None
    if entry.match_kind == "EXACT":
        return None
    if same(plate) == same(listed):
        return "FOLDED", differing, None
    if expected_fault(entry, settings) not in (None, "top-priority-not-allowed"):
        return None
    if entry.match_kind == "FUZZY":
        if _is_one_mistake(same(plate), same(listed)):
            return "FUZZY", differing, None
        for candidate in read.candidates:
            if same(candidate.plate) == same(listed):
                return "FUZZY", differing, candidate.plate
    if entry.match_kind == "PARTIAL" and (fit := _fit(plate, listed)) is not None:
        return "PARTIAL", tuple(i for i, said in enumerate(fit) if said != listed[i]), None
    return None


def _is_one_mistake(plate: str, listed: str) -> bool:
    if len(plate) != len(listed):
        return False
    pairs = [frozenset((one, other)) for one, other in zip(plate, listed, strict=True) if one != other]
    return len(pairs) == 1 and pairs[0] in _MISTAKEN


def _fit(plate: str, listed: str) -> list[str] | None:
    """What of the plate each character of the listed one stands for, a * for as much as it can; None without a fit."""
    if not listed:
        return None if plate else []
    lengths = range(len(plate), -1, -1) if listed[0] == "*" else [1]
    for length in lengths:
        said = plate[:length]
        if len(said) < length or (listed[0] not in "?*" and same(said) != same(listed[0])):
            continue
        rest = _fit(plate[length:], listed[1:])
        if rest is not None:
            return [said, *rest]
    return None


def _limits(entry: HotlistEntry, settings: MatchingSettings) -> tuple[float, float]:
    """In seconds: those of the list in the settings, or of all lists; shorter when the entry says so."""
    all_or_own = settings.lists.get(entry.source, settings)
    stale, dropped = all_or_own.stale_after_hours * 3600, all_or_own.dropped_after_hours * 3600
    if entry.stale_after_seconds is not None and entry.stale_after_seconds < stale:
        stale = entry.stale_after_seconds
    if entry.dropped_after_seconds is not None and entry.dropped_after_seconds < dropped:
        dropped = entry.dropped_after_seconds
    return stale, dropped


def _is_lawful(entry: HotlistEntry) -> bool:
    if entry.lawful_source == "STATE_FILE":
        return True
    return entry.lawful_source == "ACTIVE_INVESTIGATION" and (entry.case_number or "").strip() != ""
