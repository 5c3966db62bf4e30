"""The worker's hotlist: updates, removals, refusals, and a plain dictionary as its oracle."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from platestream.errors import InvalidMessage
from platestream.settings import MatchingSettings
from processors.matching.hotlist import Hotlist
from schemas.codec import Codec
from schemas.framing import frame, peek_plate
from schemas.messages import HotlistEntry, MatchKind, PlateRead
from schemas.plates import fold, fold_bytes, hotlist_key
from tests.chunks import records_of, records_with
from tests.matching import a_read, an_entry


def put(hotlist: Hotlist, codec: Codec, entry: HotlistEntry) -> bytes:
    key = hotlist_key(entry.plate, entry.entry_id)
    hotlist.apply(key, codec.encode(entry))
    return key


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("platestream_processor_refused_entries_total", {"reason": reason}) or 0


def test_an_entry_is_found_by_its_folded_plate(codec: Codec) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    entry = an_entry("OIL100")
    put(hotlist, codec, entry)
    assert b"01L100" in hotlist
    assert b"OIL100" not in hotlist
    assert hotlist.entries(b"01L100") == [entry]


def test_an_update_replaces_and_a_tombstone_removes(codec: Codec) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    first, second = an_entry(entry_id="a"), an_entry(entry_id="b")
    keys = [put(hotlist, codec, entry) for entry in (first, second)]
    changed = dataclasses.replace(first, priority=1)
    put(hotlist, codec, changed)
    assert hotlist.entries(b"ABC123") == [changed, second]
    hotlist.apply(keys[0], None)
    assert hotlist.entries(b"ABC123") == [second]
    hotlist.apply(keys[1], None)
    hotlist.apply(keys[1], None)
    assert b"ABC123" not in hotlist
    assert len(hotlist) == 0


def test_what_is_no_usable_entry_is_refused_and_counted(codec: Codec) -> None:
    entry = an_entry()
    key, value = hotlist_key(entry.plate, entry.entry_id), codec.encode(entry)
    cases = [
        ("key-unusable", None, value),
        ("key-unusable", b"ABC123", value),
        ("key-unusable", None, None),
        ("key-differs", hotlist_key("XYZ", entry.entry_id), value),
        ("key-differs", hotlist_key(entry.plate, "another"), value),
        ("wrong-record", key, codec.encode(a_read())),
        ("unknown-schema", key, frame(999_999, b"x")),
        ("not-framed", key, b"{}"),
        ("bad-avro", key, value[:-3]),
        ("bad-avro", key, value + b"x"),
    ]
    hotlist = Hotlist(codec, MatchingSettings())
    for reason, bad_key, bad_value in cases:
        before = refused(reason)
        hotlist.apply(bad_key, bad_value)
        assert refused(reason) == before + 1, reason
    assert len(hotlist) == 0


def test_a_refused_update_ends_the_entry_it_was_meant_to_replace(codec: Codec) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    key = put(hotlist, codec, an_entry())
    hotlist.apply(key, b"rubbish")
    assert b"ABC123" not in hotlist
    assert len(hotlist) == 0


@pytest.mark.parametrize("value", [b"", None, b"x" * 5000])
def test_the_gauge_follows_and_nothing_is_raised(codec: Codec, value: bytes | None) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    put(hotlist, codec, an_entry())
    hotlist.apply(b"\x1f", value)
    assert REGISTRY.get_sample_value("platestream_processor_hotlist_entries") == len(hotlist) == 1


def take(hotlist: Hotlist, *messages: tuple[bytes | None, bytes | None]) -> None:
    """As a worker takes what was fetched of the topic."""
    hotlist.apply_all(records_of(messages))


def test_an_entry_that_is_bad_behind_its_id_is_refused_on_a_hit_and_has_ended_the_one_before(codec: Codec) -> None:
    hotlist, entry, before = Hotlist(codec, MatchingSettings()), an_entry(), refused("bad-avro")
    key, value = hotlist_key(entry.plate, entry.entry_id), codec.encode(entry)
    take(hotlist, (key, value), (key, value[:-3]))
    assert (b"ABC123" in hotlist, len(hotlist), refused("bad-avro")) == (True, 1, before)
    assert hotlist.entries(b"ABC123") == []
    assert (b"ABC123" in hotlist, len(hotlist), refused("bad-avro")) == (False, 0, before + 1)


def test_what_is_no_usable_entry_is_refused_wherever_it_is_cut(codec: Codec) -> None:
    entry = an_entry()
    key, value = hotlist_key(entry.plate, entry.entry_id), codec.encode(entry)
    for end in range(len(value)):
        hotlist = Hotlist(codec, MatchingSettings())
        take(hotlist, (key, value[:end]))
        assert hotlist.entries(b"ABC123") == []
        assert len(hotlist) == 0


@pytest.mark.parametrize("length", [1, 63, 64, 127, 128, 200])
def test_ids_of_any_length_can_be_removed(codec: Codec, length: int) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    messages = [(hotlist_key("ABC123", i * length), codec.encode(an_entry(entry_id=i * length))) for i in "abc"]
    take(hotlist, *messages)
    assert [entry.entry_id for entry in hotlist.entries(b"ABC123")] == [i * length for i in "abc"]
    take(hotlist, *[(key, None) for key, _ in messages[1:]])
    assert [entry.entry_id for entry in hotlist.entries(b"ABC123")] == ["a" * length]


def test_an_id_written_in_more_bytes_than_it_needs_can_be_removed(codec: Codec) -> None:
    hotlist, entry = Hotlist(codec, MatchingSettings()), an_entry(entry_id="e1")
    key, value = hotlist_key(entry.plate, entry.entry_id), codec.encode(entry)
    assert value.count(b"\x04e1") == 1
    take(hotlist, (key, value.replace(b"\x04e1", b"\x84\x00e1")))
    assert hotlist.entries(b"ABC123") == [entry]
    take(hotlist, (key, None))
    assert len(hotlist) == 0


def test_a_plate_of_nothing_but_separators_is_no_entry(codec: Codec) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    value = codec.encode(an_entry("ABC", entry_id="e1")).replace(b"\x06ABC", b"\x06---")
    take(hotlist, (b"\x1fe1", value))
    assert len(hotlist) == 0
    assert b"" not in hotlist


READ = st.builds(a_read, st.text("ABC01OI", min_size=1, max_size=3))


@given(
    reads=st.lists(
        READ
        | st.none()
        | st.binary(max_size=30)
        | st.tuples(st.just("read"), st.binary(max_size=30))
        | st.tuples(st.just("other"), st.binary(max_size=30)),
        max_size=30,
    )
)
def test_selected_is_what_is_listed_and_what_does_not_begin_as_a_read(codec: Codec, reads: list[Any]) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    for plate in ("A0", "O", "BI1"):
        put(hotlist, codec, an_entry(plate))
    ids = {"read": codec.wire_id("PlateRead"), "other": codec.wire_id("HotlistEntry")}
    values = [
        codec.encode(read)
        if isinstance(read, PlateRead)
        else frame(ids[read[0]], read[1])
        if isinstance(read, tuple)
        else read
        for read in reads
    ]
    selected = {one.record.offset for one in hotlist.select(records_with(values))}
    for offset, value in enumerate(values):
        try:
            assert codec.version_of(value).record == "PlateRead"
            folded = fold_bytes(peek_plate(value or b""))
        except (AssertionError, InvalidMessage):
            assert offset in selected or value is not None and value[:5] == frame(ids["read"], b"")
        else:
            assert (offset in selected) == (folded in hotlist or not folded)


@given(
    changes=st.lists(
        st.tuples(st.text("0O1I", min_size=1, max_size=2), st.sampled_from("ab"), st.integers(0, 5)), max_size=30
    )
)
def test_any_history_leaves_what_a_dictionary_would_hold(codec: Codec, changes: list[tuple[str, str, int]]) -> None:
    hotlist, oracle = Hotlist(codec, MatchingSettings()), {}
    for number, (plate, entry_id, priority) in enumerate(changes):
        key = hotlist_key(plate, entry_id)
        if priority:
            oracle[key] = an_entry(plate, entry_id=entry_id, priority=priority)
        else:
            oracle.pop(key, None)
        message = key, codec.encode(oracle[key]) if priority else None
        if number % 3:
            take(hotlist, message)
        else:
            hotlist.apply(*message)
    assert len(hotlist) == len(oracle)
    for plate in {fold(plate) for plate, _, _ in changes}:
        expected = {entry.entry_id: entry for entry in oracle.values() if fold(entry.plate) == plate}
        assert {entry.entry_id: entry for entry in hotlist.entries(plate.encode())} == expected
        assert (plate.encode() in hotlist) == bool(expected)


@pytest.mark.parametrize("kind", [MatchKind.FUZZY, MatchKind.PARTIAL])
def test_an_entry_moves_when_its_match_kind_changes(codec: Codec, kind: MatchKind) -> None:
    hotlist, plain = Hotlist(codec, MatchingSettings()), an_entry("ABC12B", entry_id="a-name-that-is-long-enough")
    key, wide = hotlist_key(plain.plate, plain.entry_id), dataclasses.replace(plain, match_kind=kind)
    for _ in range(2):
        take(hotlist, (key, codec.encode(plain)))
        assert (len(hotlist), len(hotlist.wider), hotlist.entries(b"ABC12B")) == (1, 0, [plain])
        take(hotlist, (key, codec.encode(wide)))
        assert (len(hotlist), len(hotlist.wider), hotlist.entries(b"ABC12B")) == (1, 1, [])
        assert hotlist.wider.entry(key) == wide
    take(hotlist, (key, b"rubbish" * 9))
    assert (len(hotlist), len(hotlist.wider)) == (0, 0)


def test_wider_entries_are_selected_beside_the_others_in_order(codec: Codec) -> None:
    hotlist = Hotlist(codec, MatchingSettings())
    put(hotlist, codec, an_entry("XYZ1"))
    key = put(hotlist, codec, an_entry("ABC12B", entry_id="f", match_kind=MatchKind.FUZZY))
    values = [codec.encode(a_read(plate)) for plate in ("ABC128", "LMN1", "XYZ1", "ABC12B", "ABC123")]
    selected = hotlist.select(records_with([None, *values]))
    assert [(one.record.value and peek_plate(one.record.value), list(one.wider_keys)) for one in selected] == [
        (None, []),
        (b"ABC128", [key]),
        (b"XYZ1", []),
        (b"ABC12B", [key]),
    ]
