"""The table of plates holds what a dictionary would, whatever its segments and slots go through."""

import os
import time
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bench.plates import plate as plate_of_number
from processors.matching.table import PlateTable
from schemas.framing import frame
from schemas.plates import fold_bytes
from streams.chunks.plates import folded_lines, ids_of
from streams.chunks.records import records_of_values

ID = 7

SEGMENT, MOVED = 1024, 64
EXAMPLES = 5000 if os.environ.get("PLATESTREAM_SOAK") else 25


def value_of(plate: bytes, entry_id: bytes, rest: bytes = b"") -> bytes:
    return frame(ID, bytes([2 * len(plate)]) + plate + b"\0" + length_of(entry_id) + entry_id + rest)


def length_of(text: bytes) -> bytes:
    """Avro's, in one byte or two."""
    return bytes([2 * len(text)]) if len(text) < 64 else bytes([2 * len(text) & 0x7F | 0x80, len(text) >> 6])


def compiled_table() -> PlateTable:
    """An empty table, after all that is compiled on first use."""
    small = PlateTable([ID], SEGMENT)
    for _ in range(3):
        small.put_all(records_of_values([value_of(plate_of_number(number), b"a") for number in range(2000)]))
    return PlateTable([ID])


class AnyHistory(RuleBasedStateMachine):
    """Puts and removals in any order, in segments that are soon full and slots that are moved a few at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.oracle = PlateTable([ID], SEGMENT, MOVED), dict[tuple[bytes, bytes], bytes]()

    @rule(
        first=st.integers(0, 3000),
        count=st.integers(1, 400),
        entry_id=st.sampled_from([b"", b"a", b"b" * 63, b"c" * 64]),
        rest=st.binary(max_size=120),
    )
    def put(self, first: int, count: int, entry_id: bytes, rest: bytes) -> None:
        self.put_all([(plate_of_number(number), entry_id) for number in range(first, first + count)], rest)

    @rule(plate=st.text("aAO0I1 -", min_size=1, max_size=4).map(str.encode), numbers=st.sets(st.integers(0, 30)))
    def put_many_of_one_plate(self, plate: bytes, numbers: set[int]) -> None:
        self.put_all([(plate, b"%d" % number) for number in numbers], plate)

    def put_all(self, keys: list[tuple[bytes, bytes]], rest: bytes) -> None:
        values = [value_of(plate, entry_id, rest) for plate, entry_id in keys]
        self.table.put_all(records_of_values(values))
        for (plate, entry_id), value in zip(keys, values, strict=True):
            if fold_bytes(plate):
                self.oracle[fold_bytes(plate), entry_id] = value

    @precondition(lambda self: self.oracle)
    @rule(data=st.data(), share=st.integers(1, 10))
    def remove(self, data: Any, share: int) -> None:
        for key in [*self.oracle][data.draw(st.integers(0, share - 1)) :: share]:
            self.table.remove(*key)
            del self.oracle[key]

    @rule(plate=st.sampled_from([b"AO", b"abc", b"", b"NONE"]))
    def remove_what_is_not_held(self, plate: bytes) -> None:
        self.table.remove(plate, b"a")
        assert self.table.values(plate) == []

    @invariant()
    def the_same_is_held(self) -> None:
        assert len(self.table) == len(self.oracle)
        by_plate: dict[bytes, dict[bytes, bytes]] = {}
        for (plate, entry_id), value in self.oracle.items():
            by_plate.setdefault(plate, {})[entry_id] = value
        for plate in [*by_plate][:: max(len(by_plate) // 50, 1)]:
            found = self.table.values(plate)
            assert dict(found) == by_plate[plate]
            assert len(found) == len(by_plate[plate])
        reads = records_of_values([value_of(plate_of_number(number), b"") for number in range(0, 4000, 7)])
        lines = folded_lines(reads, [ID])[0].split()
        assert self.table.listed(reads, ids_of([ID])) == [n for n, plate in enumerate(lines) if plate in by_plate]
        assert self.table._store.live.sum() == sum((len(value) + 11) // 8 * 8 for value in self.oracle.values())


def test_what_is_replaced_again_and_again_takes_three_fifths_more_at_most() -> None:
    table = PlateTable([ID], SEGMENT)
    values = [value_of(plate_of_number(number), b"a" * 30) for number in range(2000)]
    for turn in range(20):
        table.put_all(records_of_values([value + b"%03d" % turn for value in values]))
    assert len(table) == len(values)
    assert len(table._memory) < 1.6 * table._store.live.sum()


def test_no_message_waits_for_growth_or_cleaning() -> None:
    """Processor time, since other work may share the machine."""
    count = 5_000_000 if os.environ.get("PLATESTREAM_SOAK") else 150_000
    table, longest = compiled_table(), 0.0
    for turn in range(3):
        for start in range(0, count, 2000):
            plates = [plate_of_number(number) for number in range(start, start + 2000)]
            records = records_of_values([value_of(plate, b"a" * 40, b"%060d" % turn) for plate in plates])
            before = time.thread_time()
            table.put_all(records)
            longest = max(longest, time.thread_time() - before)
    assert len(table) == count
    assert longest < 0.05


def test_a_value_that_fits_no_segment_is_passed_over() -> None:
    table = PlateTable([ID], SEGMENT)
    table.put_all(records_of_values([value_of(b"ABC", b"a", bytes(SEGMENT // 4)), value_of(b"XYZ", b"a")]))
    assert (b"ABC" in table, b"XYZ" in table, len(table)) == (False, True, 1)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = hypothesis_settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None)
