"""Step 4, matched: which hotlist entries a read raises an alert for. Pure: no Kafka, no clock, no I/O.

The rules, in the words that the tests quote:

* Plates: a FOLDED entry agrees with a read when their folded plates are equal; an EXACT entry only when the texts are.
  The alert says EXACT when the texts are equal and FOLDED otherwise. FUZZY and PARTIAL entries are, for now, matched
  like FOLDED ones and never more widely.
* States: equal states agree. One state unknown: the alert is raised, marked UNKNOWN and one priority lower (never
  below 5). Different states: no alert, whatever the plates say.
* Time: an entry speaks for a read only if it was in force both when the plate was collected and now. Not before its
  effective time, because a plate that was read before it was listed is found by an approved query and not by an alert.
  Not from its expiry on, because a stale record must not reach an officer, however late or early the read comes.
* Source: an entry is lawful if it is of the state's licence plate data file, or tied to an active investigation by
  case number. Any other never alerts, whatever topic or tool it came through.
* Several entries for one plate: all alert, the highest priority (1) first, then by entry id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.messages import HotlistEntry, LawfulSource, MatchKind, PlateRead, StateVerdict
from schemas.plates import fold

LOWEST_PRIORITY = 5


class NotAlerted(StrEnum):
    """Why an entry does not alert for a read."""

    PLATE_DIFFERS = "plate-differs"
    NOT_LAWFUL = "not-lawful"
    NOT_EFFECTIVE = "not-effective"
    EXPIRED = "expired"
    STATE_DIFFERS = "state-differs"


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A read and an entry that agree; `priority` is the alert's, 1 the most urgent."""

    entry: HotlistEntry
    match_kind: MatchKind
    state_verdict: StateVerdict
    priority: int


def hits_of(read: PlateRead, entries: Iterable[HotlistEntry], now: datetime) -> tuple[list[Hit], list[NotAlerted]]:
    """The hits among `entries`, in the order their alerts leave, and why each of the others is none."""
    verdicts = [judge(read, entry, now) for entry in entries]
    hits = [verdict for verdict in verdicts if isinstance(verdict, Hit)]
    return sorted(hits, key=_order), [verdict for verdict in verdicts if isinstance(verdict, NotAlerted)]


def judge(read: PlateRead, entry: HotlistEntry, now: datetime) -> Hit | NotAlerted:
    """What one entry means for one read, at `now` by the worker's clock. Keeps: match.lawful"""
    match_kind = _compare_plates(read.plate, entry)
    state_verdict = _compare_states(read.state, entry.state)
    if match_kind is None:
        return NotAlerted.PLATE_DIFFERS
    if not is_lawful(entry):
        return NotAlerted.NOT_LAWFUL
    if min(read.collected_at, now) < entry.effective_at:
        return NotAlerted.NOT_EFFECTIVE
    if max(read.collected_at, now) >= entry.expires_at:
        return NotAlerted.EXPIRED
    if state_verdict is None:
        return NotAlerted.STATE_DIFFERS
    priority = entry.priority if state_verdict is StateVerdict.AGREES else min(entry.priority + 1, LOWEST_PRIORITY)
    return Hit(entry=entry, match_kind=match_kind, state_verdict=state_verdict, priority=priority)


def is_lawful(entry: HotlistEntry) -> bool:
    """Of the state's file, or tied to an active investigation by case number. Keeps: match.lawful"""
    if entry.lawful_source is LawfulSource.ACTIVE_INVESTIGATION:
        return entry.case_number is not None and bool(entry.case_number.strip())
    return entry.lawful_source is LawfulSource.STATE_FILE


def _compare_plates(plate: str, entry: HotlistEntry) -> MatchKind | None:
    if plate == entry.plate:
        return MatchKind.EXACT
    if entry.match_kind is MatchKind.EXACT or fold(plate) != fold(entry.plate):
        return None
    return MatchKind.FOLDED


def _compare_states(read: str | None, listed: str | None) -> StateVerdict | None:
    if read is None or listed is None:
        return StateVerdict.UNKNOWN
    return StateVerdict.AGREES if read == listed else None


def _order(hit: Hit) -> tuple[int, str]:
    return hit.priority, hit.entry.entry_id
