"""Step 4, matched: what an alert says. It explains itself and leaves unverified; it tells nobody what to do."""

from datetime import datetime, timedelta

from processors.matching.rules import Hit
from schemas.messages import Alert, AlertStatus, PlateRead, unchecked
from schemas.plates import alert_id

NOTICE = (
    "An indication that a report or warrant may exist, not probable cause. "
    "Compare the plate with the picture and verify that the record is accurate and current before any action."
)


def build_alert(read: PlateRead, hit: Hit, now: datetime) -> Alert:
    """The alert of one hit. A replay of the read gives the same id. Keeps: alert.not-probable-cause"""
    entry = hit.entry
    return unchecked(
        Alert,
        plate=read.plate,
        collected_at=read.collected_at,
        alert_id=alert_id(read.read_id, entry.entry_id),
        read_id=read.read_id,
        entry_id=entry.entry_id,
        raised_at=now,
        status=AlertStatus.UNVERIFIED,
        match_kind=hit.match_kind,
        state_verdict=hit.state_verdict,
        priority=hit.priority,
        notice=NOTICE,
        state=read.state,
        device_id=read.device_id,
        received_at=read.received_at,
        latitude=read.latitude,
        longitude=read.longitude,
        confidence=read.confidence,
        candidates=read.candidates,
        pictures=read.pictures,
        list_plate=entry.plate,
        list_state=entry.state,
        source=entry.source,
        category=entry.category,
        case_number=entry.case_number,
        extracted_at=entry.extracted_at,
        differing_positions=hit.agreement.differing_positions,
        matched_candidate=hit.agreement.candidate,
        is_late=hit.is_late,
        is_stale=hit.is_stale,
        list_age_seconds=_seconds(now - entry.extracted_at),
        entry_effective_at=entry.effective_at,
        entry_age_seconds=_seconds(now - entry.effective_at),
        passage_started_at=None,
        last_seen_at=None,
        sighting=1,
        source_offset=-1,
    )


def _seconds(age: timedelta) -> int:
    """Whole seconds; clocks that are a little apart make no age below 0."""
    return max(0, int(age.total_seconds()))
