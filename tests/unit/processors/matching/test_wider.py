"""Wider entries of the hotlist: what `select` names for a chunk, against comparing every read with every entry."""

import os
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from platestream.settings import MatchingSettings
from processors.matching.comparison import compare
from processors.matching.patterns import Patterns, compile_partial, compile_whole
from processors.matching.wider import WiderEntries
from schemas.codec import Codec
from schemas.framing import frame
from schemas.messages import Candidate, HotlistEntry, MatchKind, PlateRead
from schemas.plates import hotlist_key
from tests.chunks import records_with
from tests.matching import a_read, an_entry

SETTINGS = MatchingSettings()
PLATES = st.text("0O1IDB8", min_size=4, max_size=5)
PARTIAL_PLATES = st.text("0O1IDB8?*", min_size=4, max_size=7)


def fuzzy(plate: str, number: int = 0) -> HotlistEntry:
    return an_entry(plate, entry_id=f"f{number}", match_kind=MatchKind.FUZZY)


def partial(plate: str, number: int = 0) -> HotlistEntry:
    return an_entry(plate, entry_id=f"p{number}", match_kind=MatchKind.PARTIAL, category="HOMICIDE")


def key_of(entry: HotlistEntry) -> bytes:
    return hotlist_key(entry.plate, entry.entry_id)


def put(wider: WiderEntries, entry: HotlistEntry) -> None:
    try:
        wider.put(key_of(entry), entry)
    except InvalidMessage:
        assert wider.entry(key_of(entry)) is None


def select(wider: WiderEntries, codec: Codec, reads: list[PlateRead]) -> dict[int, set[bytes]]:
    found = wider.select(records_with([codec.encode(read) for read in reads]))
    return {index: set(keys) for index, keys in found.items()}


def brute_force(wider: WiderEntries, entries: list[HotlistEntry], reads: list[PlateRead]) -> dict[int, set[bytes]]:
    held = {key: entry for key in map(key_of, entries) if (entry := wider.entry(key))}
    return {
        index: {key for key, entry in held.items() if compare(read, entry.plate, entry.match_kind)}
        for index, read in enumerate(reads)
    }


@given(
    reads=st.lists(
        st.builds(a_read, PLATES, candidates=st.lists(st.builds(Candidate, plate=PLATES), max_size=2).map(tuple)),
        max_size=8,
    ),
    entries=st.lists(
        st.builds(fuzzy, PLATES, st.integers(0, 9)) | st.builds(partial, PARTIAL_PLATES, st.integers(0, 9))
    ),
    removed=st.sets(st.integers(0, 30)),
    most_recent=st.integers(1, 4),
)
def test_no_read_that_agrees_with_an_entry_is_left_out(
    codec: Codec, reads: list[PlateRead], entries: list[HotlistEntry], removed: set[int], most_recent: int
) -> None:
    wider = WiderEntries(SETTINGS, codec.wire_ids("PlateRead"), most_recent, most_recent)
    for number, entry in enumerate(entries):
        put(wider, entry)
        if number in removed:
            wider.remove(key_of(entry))
        if number % 3 == 0:
            select(wider, codec, reads[:1])
    found = select(wider, codec, reads)
    for index, keys in brute_force(wider, entries, reads).items():
        assert keys <= found.get(index, set())
    wider.settle()
    assert select(wider, codec, reads) == found
    assert len(wider) == sum(1 for key in set(map(key_of, entries)) if wider.entry(key))


def test_named_are_only_reads_near_an_entry_and_the_index_is_theirs(codec: Codec) -> None:
    wider = WiderEntries(SETTINGS, codec.wire_ids("PlateRead"))
    entries = [fuzzy("ABC12B"), partial("XY?98*")]
    for entry in entries:
        put(wider, entry)
    reads = [a_read(f"LMN{number:04}", event=str(number)) for number in range(12_000)]
    reads[17] = a_read("ABC128")
    reads[5003] = a_read("LMN1", candidates=(Candidate(plate="A8C128"), Candidate(plate="ABC12B")))
    reads[11_999] = a_read("XYZ987")
    expected = {17: {key_of(entries[0])}, 5003: {key_of(entries[0])}, 11_999: {key_of(entries[1])}}
    assert select(wider, codec, reads) == expected


def test_without_entries_nothing_is_looked_at(codec: Codec) -> None:
    wider = WiderEntries(SETTINGS, codec.wire_ids("PlateRead"))
    assert wider.select(records_with([None] * 3)) == {}
    put(wider, fuzzy("ABC123"))
    wider.remove(key_of(fuzzy("ABC123")))
    wider.remove(b"unknown\x1fkey")
    assert (len(wider), wider.select(records_with([None]))) == (0, {})


@pytest.mark.parametrize("poison", [b"", b"\n", b"AB\nC\n", b"\xff\xfe", b"X" * 300])
def test_reads_that_are_none_do_not_move_the_others(codec: Codec, poison: bytes) -> None:
    wider = WiderEntries(SETTINGS, codec.wire_ids("PlateRead"))
    entries = [fuzzy("ABC12B"), partial("AB?12*")]
    for entry in entries:
        put(wider, entry)
    wire_id = codec.wire_id("PlateRead")
    framed = frame(wire_id, bytes([2 * len(poison) % 256]) + poison)
    records = records_with([framed, codec.encode(a_read("ABC128")), poison, codec.encode(a_read("XYZ1"))])
    assert {index: set(keys) for index, keys in wider.select(records).items()} == {1: set(map(key_of, entries))}


@pytest.mark.parametrize("bad", [partial("A?*12"), partial("****"), an_entry("ABC1*", match_kind=MatchKind.FUZZY)])
def test_an_entry_that_breaks_the_rules_of_its_kind_is_refused_and_ends_the_one_before(
    codec: Codec, bad: HotlistEntry
) -> None:
    wider = WiderEntries(SETTINGS, codec.wire_ids("PlateRead"))
    wider.put(b"key", fuzzy("ABC123"))
    with pytest.raises(InvalidMessage):
        wider.put(b"key", bad)
    assert (len(wider), wider.entry(b"key")) == (0, None)


@pytest.mark.parametrize("compile_", [compile_whole, compile_partial])
def test_a_plate_that_is_removed_and_listed_again_while_patterns_are_merged_is_not_lost(compile_: object) -> None:
    patterns = Patterns(compile_, 2)  # type: ignore[arg-type]
    for plate in (b"AAA1", b"BBB1", b"CCC1"):
        patterns.add(plate)
    patterns.discard(b"AAA1")
    patterns.add(b"DDD1")  # the second part: merging begins without the first plate
    patterns.add(b"AAA1")
    patterns.settle()
    text = b"\x08AAA1\x08BBB1\x08CCC1\x08DDD1" if compile_ is compile_whole else b"AAA1\nBBB1\nCCC1\nDDD1"
    assert sorted(plate for _, plates in patterns.find(text) for plate in plates) == [
        b"AAA1",
        b"BBB1",
        b"CCC1",
        b"DDD1",
    ]


def test_updates_among_thousands_of_entries_do_not_hold_reads_up_and_are_in_force_at_once(codec: Codec) -> None:
    """Processor time, since other work may share the machine; a wait for a merge would be no such time."""
    random, wider = Random(3), WiderEntries(SETTINGS, codec.wire_ids("PlateRead"))
    count = 20_000 if os.environ.get("PLATESTREAM_SOAK") else 1_000
    for number in range(count):
        put(
            wider,
            fuzzy("".join(random.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=3)) + f"{random.randrange(1000):03}", number),
        )
    wider.settle()
    reads = [a_read(f"LMN{number:03}", event=str(number)) for number in range(100)]
    records = records_with([codec.encode(read) for read in reads])
    longest = 0.0
    for number in range(500):
        entry = fuzzy(f"LMN{number % 100:03}", count + number)
        before = time.thread_time()
        put(wider, entry)
        found = wider.select(records)
        longest = max(longest, time.thread_time() - before)
        assert key_of(entry) in found[number % 100]
        wider.remove(key_of(entry))
    assert longest < 0.05
