"""Events survive packing byte for byte, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import IntegrityError
from streams.ledger.proof import Event, Fault
from streams.ledger.restoring import head_of, pack_events, unpack_events

RECORDS = st.lists(st.tuples(st.none() | st.binary(max_size=20), st.binary(max_size=50)), max_size=20)


@given(RECORDS, st.integers(1, 200))
def test_packed_and_unpacked_they_are_the_same_and_lead_to_the_same_head(
    records: list[tuple[bytes | None, bytes]], part_bytes: int
) -> None:
    events = [Event(offset, key, value) for offset, (key, value) in enumerate(records)]
    unpacked = list(unpack_events(pack_events(events, part_bytes)))
    assert unpacked == events
    assert head_of(unpacked) == head_of(events)


def test_parts_are_cut_between_events() -> None:
    events = [Event(offset, b"key", bytes(30)) for offset in range(10)]
    parts = list(pack_events(events, 100))
    assert len(parts) == 4
    assert list(unpack_events(parts)) == events


def test_a_hole_or_a_fault_is_never_packed() -> None:
    with pytest.raises(IntegrityError, match="Event 1 "):
        list(pack_events([Event(0, None, b"a"), Event(2, None, b"c")], 100))
    with pytest.raises(IntegrityError, match="damaged"):
        list(pack_events([Event(0, None, b"a"), Fault("changed", 1, "changed")], 100))
