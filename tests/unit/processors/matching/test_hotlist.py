"""The worker's hotlist: updates, removals, refusals, and a plain dictionary as its oracle."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from processors.matching.hotlist import Hotlist
from schemas.codec import Codec
from schemas.framing import frame
from schemas.messages import HotlistEntry
from schemas.plates import fold, hotlist_key
from tests.matching import a_read, an_entry


def put(hotlist: Hotlist, codec: Codec, entry: HotlistEntry) -> bytes:
    key = hotlist_key(entry.plate, entry.entry_id)
    hotlist.apply(key, codec.encode(entry))
    return key


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("platestream_processor_refused_entries_total", {"reason": reason}) or 0


def test_an_entry_is_found_by_its_folded_plate(codec: Codec) -> None:
    hotlist = Hotlist(codec)
    entry = an_entry("OIL100")
    put(hotlist, codec, entry)
    assert b"01L100" in hotlist
    assert b"OIL100" not in hotlist
    assert hotlist.entries(b"01L100") == [entry]


def test_an_update_replaces_and_a_tombstone_removes(codec: Codec) -> None:
    hotlist = Hotlist(codec)
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
    hotlist = Hotlist(codec)
    for reason, bad_key, bad_value in cases:
        before = refused(reason)
        hotlist.apply(bad_key, bad_value)
        assert refused(reason) == before + 1, reason
    assert len(hotlist) == 0


def test_a_refused_update_ends_the_entry_it_was_meant_to_replace(codec: Codec) -> None:
    hotlist = Hotlist(codec)
    key = put(hotlist, codec, an_entry())
    hotlist.apply(key, b"rubbish")
    assert b"ABC123" not in hotlist
    assert len(hotlist) == 0


@pytest.mark.parametrize("value", [b"", None, b"x" * 5000])
def test_the_gauge_follows_and_nothing_is_raised(codec: Codec, value: bytes | None) -> None:
    hotlist = Hotlist(codec)
    put(hotlist, codec, an_entry())
    hotlist.apply(b"\x1f", value)
    assert REGISTRY.get_sample_value("platestream_processor_hotlist_entries") == len(hotlist) == 1


@given(
    changes=st.lists(
        st.tuples(st.text("0O1I", min_size=1, max_size=2), st.sampled_from("ab"), st.integers(0, 5)), max_size=30
    )
)
def test_any_history_leaves_what_a_dictionary_would_hold(codec: Codec, changes: list[tuple[str, str, int]]) -> None:
    hotlist, oracle = Hotlist(codec), {}
    for plate, entry_id, priority in changes:
        key = hotlist_key(plate, entry_id)
        if priority:
            oracle[key] = an_entry(plate, entry_id=entry_id, priority=priority)
            hotlist.apply(key, codec.encode(oracle[key]))
        else:
            oracle.pop(key, None)
            hotlist.apply(key, None)
    assert len(hotlist) == len(oracle)
    for plate in {fold(plate) for plate, _, _ in changes}:
        expected = {entry.entry_id: entry for entry in oracle.values() if fold(entry.plate) == plate}
        assert {entry.entry_id: entry for entry in hotlist.entries(plate.encode())} == expected
        assert (plate.encode() in hotlist) == bool(expected)
