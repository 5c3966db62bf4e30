"""From the bytes of a read to its alerts, without Kafka."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from platestream.errors import InvalidMessage
from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, frame
from schemas.messages import HotlistEntry, LawfulSource, MatchKind
from schemas.plates import alert_id, hotlist_key
from tests.matching import NOW, a_read, an_entry

_REASONS = {"not-framed", "unknown-schema", "plate-missing", "plate-unusable", "cut-short", "wrong-record"}


def matcher(codec: Codec, *entries: HotlistEntry) -> Matcher:
    hotlist = Hotlist(codec)
    for entry in entries:
        hotlist.apply(hotlist_key(entry.plate, entry.entry_id), codec.encode(entry))
    return Matcher(codec, hotlist)


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
