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
    """A compiled function runs without Python's lock. Where nothing can be kept, each process compiles anew (20 s)."""
    try:
        made: Any = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = njit(nogil=True)(function)
    return cast(Callable[P, R], made)


def as_array(content: bytes) -> Bytes:
    """The bytes themselves, not a copy."""
    return np.frombuffer(content, np.uint8)
