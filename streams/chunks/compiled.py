"""Functions over bytes, compiled by numba on their first use and kept beside the code, or in the user's cache."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
Bytes = NDArray[np.uint8]


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """A compiled function runs without Python's lock and makes no arrays: it fills those that it is given.

    So numba need not count who holds an array, each time that one is handed on (decision 25). Where nothing can be
    kept, each process compiles anew (20 s).
    """
    try:
        made: Any = njit(cache=True, nogil=True, _nrt=False)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = njit(nogil=True, _nrt=False)(function)
    return cast(Callable[P, R], made)


@compiled
def are_same(one: Bytes, other: Bytes) -> bool:
    """Whether two pieces of one length have the same bytes. Without an early end: many are compared at once."""
    differences = np.uint8(0)
    for at in range(len(one)):
        differences |= one[at] ^ other[at]
    return bool(differences == 0)


def as_array(content: bytes) -> Bytes:
    """The bytes themselves, not a copy."""
    return np.frombuffer(content, np.uint8)
