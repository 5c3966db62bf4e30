"""A mapping for folded states: a changed copy shares all but one of its 256 buckets with the one before."""

import zlib
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")

_COUNT = 256


class Buckets(Generic[V]):
    """Never changes; `put` gives the next one."""

    __slots__ = ("_buckets",)

    def __init__(self, buckets: tuple[Mapping[bytes, V], ...] = ({},) * _COUNT) -> None:
        self._buckets = buckets

    def get(self, key: bytes) -> V | None:
        return self._buckets[zlib.crc32(key) % _COUNT].get(key)

    def put(self, key: bytes, value: V, keep: Callable[[V], bool] = lambda _: True) -> "Buckets[V]":
        """With `value` at `key`; of the neighbours in its bucket only those that `keep` wants."""
        at = zlib.crc32(key) % _COUNT
        kept = {other: one for other, one in self._buckets[at].items() if keep(one)}
        return Buckets((*self._buckets[:at], {**kept, key: value}, *self._buckets[at + 1 :]))
