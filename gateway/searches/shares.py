"""How many searches one person may have under way at once: the engine is everyone's."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from platestream.errors import PlatestreamError


class TooManyAtOnce(PlatestreamError):
    """A person has as many searches under way as one person may; the next one can be asked when one is answered."""


class Shares:
    """Counts what each person has under way; safe to use from several threads."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, person_id: str) -> Iterator[None]:
        """One search of a person is under way. Raises TooManyAtOnce instead of waiting."""
        with self._lock:
            if self._under_way[person_id] >= self._at_once:
                raise TooManyAtOnce(f"You have {self._at_once} searches under way; wait for the answer to one of them.")
            self._under_way[person_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[person_id] -= 1
                if not self._under_way[person_id]:
                    del self._under_way[person_id]
