"""What an alert says, and what it never says."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.settings import MatchingSettings
from processors.matching.alerts import NOTICE, build_alert
from processors.matching.rules import Hit, judge
from schemas.codec import Codec
from schemas.messages import Alert, AlertStatus, Candidate, MatchKind, StateVerdict
from schemas.plates import alert_id
from schemas.versions import Version, versions
from tests.matching import FORBIDDEN_WORDS, NOW, a_read, an_entry


def alert_of(read: object = None, entry: object = None) -> Alert:
    read, entry = read or a_read(), entry or an_entry()
    hit = judge(read, entry, NOW, MatchingSettings())  # type: ignore[arg-type]
    assert isinstance(hit, Hit)
    return build_alert(read, hit, NOW)  # type: ignore[arg-type]


def test_the_id_is_that_of_read_and_entry_so_a_replay_is_the_same_alert() -> None:
    read, entry = a_read(), an_entry()
    assert alert_of(read, entry).alert_id == alert_of(read, entry).alert_id == alert_id(read.read_id, entry.entry_id)
    assert alert_of(read, an_entry(entry_id="e2")).alert_id != alert_of(read, entry).alert_id
    assert alert_of(a_read(event="2"), entry).alert_id != alert_of(read, entry).alert_id


def test_it_says_every_field_though_it_is_built_without_being_checked() -> None:
    assert list(vars(alert_of())) == [field.name for field in dataclasses.fields(Alert)]


def test_it_explains_itself_with_what_was_read_and_what_is_listed() -> None:
    read, entry = a_read("OAB123", state=None), an_entry("0AB123", priority=1, case_number="26-000123")
    alert = alert_of(read, entry)
    for field in ("plate", "state", "collected_at", "received_at", "device_id", "latitude", "confidence", "pictures"):
        assert getattr(alert, field) == getattr(read, field)
    for field in ("entry_id", "source", "category", "case_number", "extracted_at"):
        assert getattr(alert, field) == getattr(entry, field)
    assert (alert.list_plate, alert.list_state, alert.raised_at) == ("0AB123", "MN", NOW)
    assert (alert.state_verdict, alert.priority) == (StateVerdict.UNKNOWN, 2)
    assert alert.differing_positions == (0,)
    assert alert.entry_effective_at == entry.effective_at
    assert (alert.list_age_seconds, alert.entry_age_seconds) == (3600, 86400)


def test_a_fuzzy_late_hit_of_an_old_list_says_all_of_it() -> None:
    read = a_read("5SOW350", collected_at=NOW - timedelta(hours=1), candidates=(Candidate(plate="ABC1O2"),))
    entry = an_entry("5SOW750", match_kind=MatchKind.FUZZY, priority=1, extracted_at=NOW - timedelta(hours=30))
    alert = alert_of(read, entry)
    assert (alert.match_kind, alert.differing_positions, alert.matched_candidate) == (MatchKind.FUZZY, (4,), None)
    assert (alert.is_late, alert.is_stale, alert.priority, alert.list_age_seconds) == (True, True, 2, 108_000)
    by_candidate = alert_of(read, an_entry("ABC102", match_kind=MatchKind.FUZZY))
    assert (by_candidate.match_kind, by_candidate.matched_candidate) == (MatchKind.FUZZY, "ABC1O2")


def test_a_clock_that_is_behind_the_lists_makes_no_age_below_zero() -> None:
    alert = alert_of(entry=an_entry(extracted_at=NOW + timedelta(seconds=5)))
    assert alert.list_age_seconds == 0


@pytest.mark.rule("alert.not-probable-cause")
def test_every_alert_is_unverified_and_carries_the_notice() -> None:
    alert = alert_of()
    assert alert.status is AlertStatus.UNVERIFIED
    assert alert.notice == NOTICE
    assert "not probable cause" in NOTICE
    assert "verify" in NOTICE


@pytest.mark.rule("alert.not-probable-cause")
@given(state=st.sampled_from([None, "MN"]), priority=st.integers(1, 5), plate=st.sampled_from(["OAB1", "0AB1"]))
def test_no_text_or_field_says_stop_arrest_or_confirmed(
    codec: Codec, state: str | None, priority: int, plate: str
) -> None:
    alert = alert_of(a_read(plate, state=state), an_entry("0AB1", priority=priority))
    said = repr(dataclasses.asdict(codec.decode(codec.encode(alert)))).lower()
    assert not [word for word in FORBIDDEN_WORDS if word in said]


@pytest.mark.rule("alert.not-probable-cause")
@pytest.mark.parametrize("version", versions()["Alert"], ids=lambda version: str(version.number))
def test_no_version_of_the_alert_schema_has_a_word_for_it_either(version: Version) -> None:
    assert not [word for word in FORBIDDEN_WORDS if word in version.text.lower()]
