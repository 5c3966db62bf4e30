"""Places what differs between events and an export of the same ledger that was kept elsewhere."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from streams.ledger.proof import MOST_FAULTS, Event, Fault, Row, leaf_of

_WINDOW = 64


def compare(found: Iterable[Event], reference: Iterable[Row]) -> Iterator[Fault]:
    """Where events differ from those that an export has on record. Newer events than the export's are no difference."""
    left, right = _Ahead(found), _Ahead(reference)
    lacking: list[tuple[int, Row]] = []
    surplus: list[tuple[int, Event]] = []
    while left.more() and right.more() and len(lacking) + len(surplus) < MOST_FAULTS:
        if _is_same(left.window[0], right.window[0]):
            left.window.popleft()
            right.window.popleft()
            continue
        gap, (added, lost) = len(lacking) + len(surplus), _align(left.window, right.window)
        surplus += [(gap, left.window.popleft()) for _ in range(added)]
        lacking += [(gap, right.window.popleft()) for _ in range(lost)]
    lacking += [(-1, row) for row in right.rest(MOST_FAULTS)]
    yield from _explain(lacking, surplus)


class _Ahead:
    """An iterator with the next rows in sight."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items, self.window = iter(items), deque[Any]()

    def more(self) -> bool:
        while len(self.window) < _WINDOW and (item := next(self._items, None)) is not None:
            self.window.append(item)
        return bool(self.window)

    def rest(self, most: int) -> Iterator[Any]:
        while most > 0 and self.more():
            most -= 1
            yield self.window.popleft()


def _is_same(event: Event, row: Row) -> bool:
    return leaf_of(event._replace(offset=row.offset)) == row.leaf


def _align(left: Sequence[Event], right: Sequence[Row]) -> tuple[int, int]:
    """How many to step over on each side until they agree again; all in sight when they do not."""
    for steps in range(1, len(left) + len(right) - 1):
        for added in range(max(0, steps - len(right) + 1), min(steps, len(left) - 1) + 1):
            if _is_same(left[added], right[steps - added]):
                return added, steps - added
    return len(left), len(right)


def _explain(lacking: list[tuple[int, Row]], surplus: list[tuple[int, Event]]) -> Iterator[Fault]:
    moved = [(row, event) for _, row in lacking for _, event in surplus if _is_same(event, row)]
    for row, event in moved:
        yield Fault("reordered", row.offset, f"event {row.offset} stands at offset {event.offset}")
    lacking = [(gap, row) for gap, row in lacking if row not in {row for row, _ in moved}]
    surplus = [(gap, event) for gap, event in surplus if event not in {event for _, event in moved}]
    for gap, row in lacking:
        other = next((pair for pair in surplus if pair[0] == gap), None)
        if other is None:
            yield Fault("missing", row.offset, f"event {row.offset} is missing")
        else:
            surplus.remove(other)
            yield Fault("changed", row.offset, f"event {row.offset} is not the one on record")
    for _, event in surplus:
        yield Fault("added", event.offset, f"event {event.offset} is not on record")
