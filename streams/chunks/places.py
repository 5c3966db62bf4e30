"""Where each partition is fetched next, and what was fetched of it and not taken yet.

One thread fetches and another takes; each may do so at any time.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from aiokafka import TopicPartition

from streams.chunks.chunk import Chunk

_AHEAD_BYTES = 64 * 1024
"""More than this is not fetched ahead of what is taken: a slow taker gets few large chunks instead of many small."""


@dataclass(eq=False, slots=True)
class Place:
    """Of one partition, from a seek to the next. What is fetched for another place than the current one is dropped."""

    offset: int
    chunks: deque[Chunk] = field(default_factory=deque)
    waiting_bytes: int = 0
    fault: Exception | None = None

    def give(self, chunks: Iterable[Chunk], next_offset: int) -> None:
        """What was fetched."""
        self.offset = next_offset
        for chunk in chunks:
            self.chunks.append(chunk)
            self.waiting_bytes += len(chunk.batches.raw)

    def take(self, most: int) -> list[Chunk]:
        """The first chunks, at most so many."""
        taken = [self.chunks.popleft() for _ in range(min(most, len(self.chunks)))]
        self.waiting_bytes -= sum(len(chunk.batches.raw) for chunk in taken)
        return taken


class Places:
    """`wake_fetcher` is called when there may be more to fetch, `wake_taker` when there is something to take."""

    def __init__(self, wake_fetcher: Callable[[], object], wake_taker: Callable[[], object]) -> None:
        self._wake_fetcher = wake_fetcher
        self._wake_taker = wake_taker
        self._lock = Lock()
        self._places: dict[TopicPartition, Place] = {}

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Fetch these partitions from these offsets; what was fetched of them before is forgotten."""
        with self._lock:
            self._places.update({tp: Place(offset) for tp, offset in offsets.items()})
        self._wake_fetcher()

    def clear(self) -> None:
        """Fetch nothing until told where."""
        with self._lock:
            self._places.clear()

    def due(self) -> dict[TopicPartition, Place]:
        """What to fetch now."""
        with self._lock:
            return {
                tp: place
                for tp, place in self._places.items()
                if place.waiting_bytes <= _AHEAD_BYTES and place.fault is None
            }

    def partitions(self) -> Collection[TopicPartition]:
        """All that have a place."""
        with self._lock:
            return list(self._places)

    def give(self, tp: TopicPartition, place: Place, chunks: Iterable[Chunk], next_offset: int) -> None:
        """What was fetched for a place."""
        with self._lock:
            if self._places.get(tp) is not place:
                return
            place.give(chunks, next_offset)
        self._wake_taker()

    def fail(self, tp: TopicPartition, place: Place, fault: Exception) -> None:
        """A place cannot be fetched any more. Whoever takes from it hears of it."""
        with self._lock:
            if self._places.get(tp) is not place:
                return
            place.fault = fault
        self._wake_taker()

    def take(self, partitions: Collection[TopicPartition], most: int) -> dict[TopicPartition, list[Chunk]]:
        """At most so many chunks of `partitions`, of those first that had none taken for longest.

        Raises what a place failed with when there is nothing else.
        """
        taken = dict[TopicPartition, list[Chunk]]()
        with self._lock:
            ready = [(tp, place) for tp, place in self._places.items() if place.chunks and tp in partitions]
            was_full = any(place.waiting_bytes > _AHEAD_BYTES for _, place in ready)
            for tp, place in ready:
                if most > 0:
                    taken[tp] = place.take(most)
                    most -= len(taken[tp])
                    self._places[tp] = self._places.pop(tp)
            faults = [] if taken else [place.fault for tp, place in self._places.items() if tp in partitions]
        if was_full:
            self._wake_fetcher()
        if fault := next(filter(None, faults), None):
            raise fault
        return taken
