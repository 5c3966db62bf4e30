"""Functions over bytes, compiled by numba on their first use and kept beside the code, or in the user's cache."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import caching
from numpy.typing import NDArray

_MADE_OF = ("schemas", "streams.chunks", "processors.matching", "sinks.clickhouse")

P = ParamSpec("P")
R = TypeVar("R")
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


def _digest() -> str:
    """Of all that functions are compiled of: constants and the functions that they call are compiled into them."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for file in sorted(file for name in _MADE_OF for file in (root / name.replace(".", "/")).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


_DIGEST = _digest()


class _OfTheseSources:
    """Files of other sources have other names.

    numba itself would go on using what it kept while only another file has changed than that of the function. And it
    writes which file is right before it has written that file.
    """

    _lineno: int

    def get_disambiguator(self) -> str:
        return f"{self._lineno}-{_DIGEST[:16]}"


class WhereAsked(_OfTheseSources, caching.UserProvidedCacheLocator):
    """In the folder that NUMBA_CACHE_DIR names."""


class BesideTheCode(_OfTheseSources, caching.InTreeCacheLocator):
    """In __pycache__."""


class InUsersCache(_OfTheseSources, caching.UserWideCacheLocator):
    """Where nothing may be written beside the code."""


_LOCATORS = (WhereAsked, BesideTheCode, InUsersCache)
numba.config.CACHE_LOCATOR_CLASSES = ",".join(  # type: ignore[attr-defined]  # set where it reads the environment
    f"{__name__}.{locator.__name__}" for locator in _LOCATORS
)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """A compiled function runs without Python's lock and makes no arrays: it fills those that it is given.

    So numba need not count who holds an array, each time that one is handed on (decision 25). Where nothing can be
    kept, each process compiles anew (20 s). Raises ImportError for a function outside of the packages that it may be
    made of here: a change there would not be noticed.
    """
    if not function.__module__.startswith(_MADE_OF):
        raise ImportError(f"{function.__module__} is in none of {', '.join(_MADE_OF)}: name its package there.")
    options: dict[str, Any] = {"nogil": True, "_nrt": False}
    try:
        made: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = numba.njit(**options)(function)
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
