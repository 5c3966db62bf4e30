"""From the bytes of a read to its alerts, without Kafka."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from platestream.errors import InvalidMessage
from platestream.settings import MatchingSettings
from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, frame
from schemas.messages import Candidate, HotlistEntry, LawfulSource, MatchKind
from schemas.plates import alert_id, hotlist_key
from tests.matching import NOW, a_read, alerts_of, an_entry

_REASONS = {"not-framed", "unknown-schema", "plate-missing", "plate-unusable", "cut-short", "wrong-record"}


def holding(codec: Codec, *entries: HotlistEntry) -> Hotlist:
    hotlist = Hotlist(codec, MatchingSettings())
    for entry in entries:
        hotlist.apply(hotlist_key(entry.plate, entry.entry_id), codec.encode(entry))
    return hotlist


def matcher(codec: Codec, *entries: HotlistEntry) -> Matcher:
    return Matcher(codec, holding(codec, *entries), frozenset(), MatchingSettings())


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"platestream_processor_{name}_total", labels) or 0


def test_a_listed_plate_gives_its_alerts_highest_priority_first(codec: Codec) -> None:
    read = a_read("OAB123")
    found = matcher(codec, an_entry("0AB123", entry_id="low", priority=4), an_entry("OAB123", entry_id="high"))
    alerts = found.alerts_of(codec.encode(read), NOW)
    assert [a.alert_id for a in alerts] == [alert_id(read.read_id, "high"), alert_id(read.read_id, "low")]
    assert [a.match_kind for a in alerts] == [MatchKind.EXACT, MatchKind.FOLDED]


def test_a_read_whose_plate_is_not_listed_is_not_decoded(codec: Codec) -> None:
    with patch.object(codec, "decode", side_effect=AssertionError):
        assert matcher(codec).alerts_of(codec.encode(a_read()), NOW) == []


@pytest.mark.rule("match.lawful")
def test_an_entry_without_a_lawful_source_never_alerts_and_is_counted(codec: Codec) -> None:
    before = counted("not_alerted", reason="not-lawful")
    found = matcher(codec, an_entry(lawful_source=LawfulSource.UNSTATED))
    assert found.alerts_of(codec.encode(a_read()), NOW) == []
    assert counted("not_alerted", reason="not-lawful") == before + 1


@pytest.mark.rule("retention.sixty-days")
def test_a_read_whose_alert_would_outlive_it_raises_none_and_is_counted(codec: Codec) -> None:
    found = matcher(codec, an_entry(effective_at=NOW - timedelta(days=100)))
    before = counted("not_alerted", reason="too-late")
    for age, alerts in ((51, 1), (53, 0)):
        value = codec.encode(a_read(collected_at=NOW - timedelta(days=age)))
        assert len(found.alerts_of(value, NOW)) == alerts
    assert counted("not_alerted", reason="too-late") == before + 1


FUZZY = an_entry("ABC12B", entry_id="fuzzy", match_kind=MatchKind.FUZZY)
PARTIAL = an_entry("AB?12*", entry_id="partial", match_kind=MatchKind.PARTIAL, category="HOMICIDE", priority=3)


def test_wider_entries_are_found_by_look_alike_by_candidate_and_by_what_fits(codec: Codec) -> None:
    hotlist = holding(codec, FUZZY, PARTIAL, an_entry("ABC128", entry_id="plain", priority=1))
    found = Matcher(codec, hotlist, frozenset(), MatchingSettings())
    alerts = alerts_of(hotlist, found, codec.encode(a_read("ABC128")), NOW)
    assert [(a.entry_id, a.match_kind, a.differing_positions) for a in alerts] == [
        ("plain", MatchKind.EXACT, ()),
        ("fuzzy", MatchKind.FUZZY, (5,)),
        ("partial", MatchKind.PARTIAL, (2, 5)),
    ]
    read = a_read("XYZ1", candidates=(Candidate(plate="ABC12B"),))
    [alert] = alerts_of(hotlist, found, codec.encode(read), NOW)
    assert (alert.entry_id, alert.matched_candidate) == ("fuzzy", "ABC12B")


def test_an_entry_that_was_removed_since_the_chunk_was_looked_at_does_not_alert(codec: Codec) -> None:
    key = hotlist_key(FUZZY.plate, FUZZY.entry_id)
    assert matcher(codec, FUZZY).alerts_of(codec.encode(a_read("ABC128")), NOW, [key])
    assert matcher(codec).alerts_of(codec.encode(a_read("ABC128")), NOW, [key]) == []


def metrics() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in REGISTRY.collect()
        if family.name.startswith("platestream")
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.mark.rule("retention.suppressed")
@pytest.mark.parametrize(
    ("plate", "suppressed"),
    [("ABC12B", b"ABC12B"), ("ABC128", b"ABC128"), ("ABC128", b"ABC12B"), ("OBC12B", b"0BC12B")],
    ids=["listed plate read", "look-alike read", "look-alike of a suppressed listed plate", "partial plate fits"],
)
def test_a_suppressed_plate_shows_no_more_than_one_that_is_not_listed(
    codec: Codec, plate: str, suppressed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    partial = an_entry("?BC12B", entry_id="p", match_kind=MatchKind.PARTIAL, category="HOMICIDE")
    others = [partial] if plate == "OBC12B" else []
    listed = [FUZZY, an_entry("ABC12B", entry_id="plain"), an_entry("ABC12B", entry_id="no", state="WI"), *others]
    value = codec.encode(a_read(plate, candidates=(Candidate(plate="ABC12B"),)))
    hotlist = holding(codec, *listed)
    assert alerts_of(hotlist, Matcher(codec, hotlist, frozenset(), MatchingSettings()), value, NOW)
    found = Matcher(codec, hotlist, frozenset({suppressed, b"ABC12B"}), MatchingSettings())
    before = metrics()
    assert alerts_of(hotlist, found, value, NOW) == []
    assert metrics() == before
    assert not caplog.records


@pytest.mark.rule("retention.suppressed")
def test_a_suppressed_read_is_not_even_decoded(codec: Codec) -> None:
    found = Matcher(codec, holding(codec, an_entry("ABC12B")), frozenset({b"ABC12B"}), MatchingSettings())
    value = codec.encode(a_read("ABC12B"))
    with patch.object(codec, "decode", side_effect=AssertionError):
        assert found.alerts_of(value, NOW) == []


def test_hits_and_entries_that_may_not_alert_are_counted(codec: Codec) -> None:
    names = [("hits", {"match_kind": "EXACT"}), ("not_alerted", {"reason": "expired"})]
    before = [counted(name, **labels) for name, labels in names]
    found = matcher(codec, an_entry(), an_entry(entry_id="old", expires_at=NOW - timedelta(days=1)))
    found.alerts_of(codec.encode(a_read()), NOW)
    assert [counted(name, **labels) for name, labels in names] == [before[0] + 1, before[1] + 1]


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("not-framed", None),
        ("not-framed", b""),
        ("not-framed", b"{}"),
        ("unknown-schema", frame(999_999, b"\x0cABC123")),
    ],
)
def test_what_is_no_read_is_an_invalid_message(codec: Codec, reason: str, value: bytes | None) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        matcher(codec).alerts_of(value, NOW)
    assert refusal.value.reason == reason


def test_a_marker_that_rolls_a_quiet_log_is_passed_over(codec: Codec) -> None:
    assert matcher(codec, an_entry()).alerts_of(ROLL_MARKER, NOW) == []


def test_poisoned_reads_are_invalid_messages(codec: Codec) -> None:
    wire_id, value = codec.wire_id("PlateRead"), codec.encode(a_read())
    poison = {
        "wrong-record": codec.encode(an_entry()),
        "plate-missing": frame(wire_id, b"\x00rest"),
        "plate-unusable": frame(wire_id, b"\xd8\x04" + b"A" * 300),
        "cut-short": value[:9],
        "bad-avro": value[:-1],
    }
    for reason, bad in poison.items():
        with pytest.raises(InvalidMessage) as refusal:
            matcher(codec, an_entry()).alerts_of(bad, NOW)
        assert refusal.value.reason == reason


@given(value=st.binary(max_size=60) | st.none(), framed=st.booleans())
def test_any_bytes_give_alerts_or_an_invalid_message(codec: Codec, value: bytes | None, framed: bool) -> None:
    if framed and value:
        value = frame(codec.wire_id("PlateRead"), value)
    try:
        assert matcher(codec, an_entry()).alerts_of(value, NOW) == []
    except InvalidMessage as refusal:
        assert refusal.reason in _REASONS
