"""Where each partition is fetched next, and what was fetched of it and not taken yet."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

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
    """For who fetches and who takes, on one event loop.

    `wanting` is set when there may be more to fetch, `holding` when there is something to take.
    """

    def __init__(self) -> None:
        self.wanting = asyncio.Event()
        self.holding = asyncio.Event()
        self._places: dict[TopicPartition, Place] = {}

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Fetch these partitions from these offsets; what was fetched of them before is forgotten."""
        self._places.update({tp: Place(offset) for tp, offset in offsets.items()})
        self.wanting.set()

    def clear(self) -> None:
        """Fetch nothing until told where."""
        self._places.clear()

    def due(self) -> dict[TopicPartition, Place]:
        """What to fetch now."""
        return {
            tp: place
            for tp, place in self._places.items()
            if place.waiting_bytes <= _AHEAD_BYTES and place.fault is None
        }

    def is_at(self, tp: TopicPartition, place: Place, offset: int) -> bool:
        """Whether it is still the place of `tp`, and to be fetched from this offset."""
        return self._places.get(tp) is place and place.offset == offset

    def partitions(self) -> Collection[TopicPartition]:
        """All that have a place."""
        return self._places.keys()

    def give(self, tp: TopicPartition, place: Place, chunks: Iterable[Chunk], next_offset: int) -> None:
        """What was fetched for a place."""
        if self._places.get(tp) is place:
            place.give(chunks, next_offset)
            self.holding.set()

    def fail(self, tp: TopicPartition, place: Place, fault: Exception) -> None:
        """A place cannot be fetched any more. Whoever takes from it hears of it."""
        if self._places.get(tp) is place:
            place.fault = fault
            self.holding.set()

    def take(self, partitions: Collection[TopicPartition], most: int) -> dict[TopicPartition, list[Chunk]]:
        """At most so many chunks of `partitions`, of those first that had none taken for longest.

        Raises what a place failed with when there is nothing else.
        """
        taken = dict[TopicPartition, list[Chunk]]()
        for tp, place in [(tp, place) for tp, place in self._places.items() if place.chunks and tp in partitions]:
            if most > 0:
                if place.waiting_bytes > _AHEAD_BYTES:
                    self.wanting.set()
                taken[tp] = place.take(most)
                most -= len(taken[tp])
                self._places[tp] = self._places.pop(tp)
        faults = [] if taken else [place.fault for tp, place in self._places.items() if tp in partitions]
        if fault := next(filter(None, faults), None):
            raise fault
        return taken
