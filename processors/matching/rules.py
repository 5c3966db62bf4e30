"""Step 4, matched: which hotlist entries a read raises an alert for. Pure: no Kafka, no clock, no I/O.

The rules, in the words that the tests quote; how plates agree is in processors/matching/comparison.py:

* Kinds: an entry is matched as widely as its kind says and never more widely. A PARTIAL entry with fewer than 4 known
  characters, or of a category that is not one of serious crimes, is matched like a FOLDED one.
* States: equal states agree. One state unknown: the alert is raised, marked UNKNOWN and one priority lower. Different
  states: no alert, whatever the plates say.
* Time: an entry speaks for a read only if it was in force both when the plate was collected and now. Not before its
  effective time, because a plate that was read before it was listed is found by an approved query and not by an alert.
  Not from its expiry on, because a stale record must not reach an officer, however late or early the read comes.
* Late: a read that is matched more than `matching.late_after_minutes` after it was collected is a late hit: marked, and
  one priority lower.
* Age: a list whose extract is older than its source's limit is marked stale. Past the second limit it raises no alert
  until it is loaded again. The limits are those of the settings, or the entry's own where they are shorter.
* Source: an entry is lawful if it is of the state's licence plate data file, or tied to an active investigation by
  case number. Any other never alerts, whatever topic or tool it came through.
* Priority: 1 is the top, 5 the lowest. An alert never has the top priority when its match is FUZZY or PARTIAL, its
  entry is of such a kind, its state is UNKNOWN, it is late, or its list is stale.
* Several entries for one plate: all alert, the highest priority (1) first, then by entry id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from platestream.settings import MatchingSettings
from processors.matching.comparison import Agreement, compare
from schemas.messages import HotlistEntry, LawfulSource, MatchKind, PlateRead, StateVerdict
from streams.hotlists.kinds import TOP_PRIORITY, WIDER_KINDS, EntryFault, fault_of

LOWEST_PRIORITY = 5

_NO_LIMITS_OF_ITS_OWN = timedelta.max


class NotAlerted(StrEnum):
    """Why an entry does not alert for a read."""

    PLATE_DIFFERS = "plate-differs"
    NOT_LAWFUL = "not-lawful"
    NOT_EFFECTIVE = "not-effective"
    EXPIRED = "expired"
    LIST_TOO_OLD = "list-too-old"
    STATE_DIFFERS = "state-differs"


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A read and an entry that agree; `priority` is the alert's, 1 the most urgent."""

    entry: HotlistEntry
    agreement: Agreement
    state_verdict: StateVerdict
    is_late: bool
    is_stale: bool

    @property
    def match_kind(self) -> MatchKind:
        return self.agreement.match_kind

    @property
    def priority(self) -> int:
        """The entry's, one lower for an unknown state and for a late hit, and the top one only for a sure match."""
        is_unknown = self.state_verdict is StateVerdict.UNKNOWN
        priority = self.entry.priority + is_unknown + self.is_late
        if self.is_stale or not WIDER_KINDS.isdisjoint((self.match_kind, self.entry.match_kind)):
            priority = max(priority, TOP_PRIORITY + 1)
        return min(priority, LOWEST_PRIORITY)


def hits_of(
    read: PlateRead, entries: Iterable[HotlistEntry], now: datetime, settings: MatchingSettings
) -> tuple[list[Hit], list[NotAlerted]]:
    """The hits among `entries`, in the order their alerts leave, and why each of the others is none."""
    verdicts = [judge(read, entry, now, settings) for entry in entries]
    hits = [verdict for verdict in verdicts if isinstance(verdict, Hit)]
    return sorted(hits, key=_order), [verdict for verdict in verdicts if isinstance(verdict, NotAlerted)]


def judge(read: PlateRead, entry: HotlistEntry, now: datetime, settings: MatchingSettings) -> Hit | NotAlerted:
    """What one entry means for one read, at `now` by the worker's clock. Keeps: match.lawful"""
    agreement = compare(read, entry.plate, widest_kind(entry, settings))
    state_verdict = _compare_states(read.state, entry.state)
    if agreement is None:
        return NotAlerted.PLATE_DIFFERS
    if not is_lawful(entry):
        return NotAlerted.NOT_LAWFUL
    stale_after, dropped_after = list_limits(entry, settings)
    if fault := _time_fault(read, entry, now, dropped_after):
        return fault
    if state_verdict is None:
        return NotAlerted.STATE_DIFFERS
    return Hit(
        entry=entry,
        agreement=agreement,
        state_verdict=state_verdict,
        is_late=now - read.collected_at > timedelta(minutes=settings.late_after_minutes),
        is_stale=now - entry.extracted_at > stale_after,
    )


def widest_kind(entry: HotlistEntry, settings: MatchingSettings) -> MatchKind:
    """How widely an entry may be matched."""
    fault = fault_of(entry, settings.partial_categories)
    return entry.match_kind if fault in (None, EntryFault.TOP_PRIORITY) else MatchKind.FOLDED


def list_limits(entry: HotlistEntry, settings: MatchingSettings) -> tuple[timedelta, timedelta]:
    """Ages from which an entry's list is stale, and from which it raises no alert."""
    limits = settings.limits_of(entry.source)
    return (
        min(timedelta(hours=limits.stale_after_hours), _own_limit(entry.stale_after_seconds)),
        min(timedelta(hours=limits.dropped_after_hours), _own_limit(entry.dropped_after_seconds)),
    )


def is_lawful(entry: HotlistEntry) -> bool:
    """Of the state's file, or tied to an active investigation by case number. Keeps: match.lawful"""
    if entry.lawful_source is LawfulSource.ACTIVE_INVESTIGATION:
        return entry.case_number is not None and bool(entry.case_number.strip())
    return entry.lawful_source is LawfulSource.STATE_FILE


def _time_fault(read: PlateRead, entry: HotlistEntry, now: datetime, dropped_after: timedelta) -> NotAlerted | None:
    if min(read.collected_at, now) < entry.effective_at:
        return NotAlerted.NOT_EFFECTIVE
    if max(read.collected_at, now) >= entry.expires_at:
        return NotAlerted.EXPIRED
    return NotAlerted.LIST_TOO_OLD if now - entry.extracted_at > dropped_after else None


def _own_limit(seconds: int | None) -> timedelta:
    return _NO_LIMITS_OF_ITS_OWN if seconds is None else timedelta(seconds=seconds)


def _compare_states(read: str | None, listed: str | None) -> StateVerdict | None:
    if read is None or listed is None:
        return StateVerdict.UNKNOWN
    return StateVerdict.AGREES if read == listed else None


def _order(hit: Hit) -> tuple[int, str]:
    return hit.priority, hit.entry.entry_id
