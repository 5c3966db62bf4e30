"""The ledger's copy is compared with the events it was made from."""

from collections.abc import Sequence

import pytest

from sinks.clickhouse.ledger_copy import beside_copy
from sinks.clickhouse.store import Store
from streams.ledger.proof import Event, Fault

EVENTS = [Event(at, f"subject-{at}".encode() if at else None, bytes([0, 255, at])) for at in range(6)]


def copy(store: Store, events: Sequence[Event]) -> None:
    store.client().insert("ledger", [tuple(event) for event in events], column_names=["offset", "key", "value"])


def faults(store: Store, events: Sequence[Event]) -> list[tuple[str, int]]:
    found = list(beside_copy(events, store.client()))
    assert [one for one in found if isinstance(one, Event)] == list(events)
    return [(one.kind, one.offset) for one in found if isinstance(one, Fault)]


def test_a_copy_equals_its_events_and_may_be_behind_or_hold_them_twice(store: Store) -> None:
    assert faults(store, []) == []
    copy(store, EVENTS[:4])
    copy(store, EVENTS[2:4])
    assert faults(store, EVENTS) == []


@pytest.mark.parametrize(
    ("copied", "expected"),
    [
        ([*EVENTS[:2], EVENTS[2]._replace(value=b"other"), *EVENTS[3:]], [("changed", 2)]),
        ([*EVENTS[:2], EVENTS[2]._replace(key=b"other"), *EVENTS[3:]], [("changed", 2)]),
        ([*EVENTS, EVENTS[2]._replace(value=b"other")], [("changed", 2)]),
        ([*EVENTS[:2], *EVENTS[3:]], [("missing", 2)]),
    ],
    ids=["another value", "another key", "two at one offset", "a hole"],
)
def test_whatever_else_the_copy_holds_is_placed(
    store: Store, copied: list[Event], expected: list[tuple[str, int]]
) -> None:
    copy(store, copied)
    assert faults(store, EVENTS) == expected


def test_a_topic_that_was_cut_is_seen_in_the_copy(store: Store) -> None:
    copy(store, EVENTS)
    assert faults(store, EVENTS[:4]) == [("missing", 4), ("missing", 5)]
    assert faults(store, [*EVENTS[:2], *EVENTS[3:]]) == [("missing", 2)]
