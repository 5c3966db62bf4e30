"""What a place that can hold a plate promises to the sweep."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from platestream.errors import TransientError

T = TypeVar("T")


class Place(Protocol):
    """Somewhere a plate can be. `due` is the one predicate: what a sweep is to destroy, then what survived it."""

    @property
    def name(self) -> str:
        """From a closed set: it is a label of metrics and stands in certificates."""
        ...

    @property
    def method(self) -> str:
        """How it is destroyed and verified, in a few words, for the certificate."""
        ...

    def due(self, before: datetime) -> int | None:
        """How many records or files of reads collected before this time are here. None when that cannot be known."""
        ...

    def mark(self, before: datetime) -> None:
        """Take note of what is here. Holds then take their copies, and only after that comes `destroy`."""
        ...

    def destroy(self, before: datetime) -> None:
        """Destroy them, but nothing that holds may want and that came after `mark`. Safe to repeat.

        Raises TransientError when it cannot be done now.
        """
        ...

    def oldest(self) -> datetime | None:
        """When the oldest read here was collected; None when there is none or it cannot be known."""
        ...


def unless_away(ask: Callable[[], T]) -> T | None:
    """The answer, None when the place does not answer: what is not known is not zero."""
    try:
        return ask()
    except (OSError, TransientError):
        return None
