"""Reading a vendor's JSON by name, so that what is not asked for cannot come through (step 1).

Keeps: collection.closed
"""

import math
from collections.abc import Mapping

from platestream.errors import InvalidMessage

_MOST_OF_LONG = 2**63 - 1


class Fields:
    """One JSON object. Only fields asked for by name are seen; `dropped` counts the others.

    Raises InvalidMessage when the value is not an object.
    """

    def __init__(self, value: object) -> None:
        if not isinstance(value, Mapping):
            raise InvalidMessage("not-an-object", "The message is JSON, but not a JSON object.")
        self._values: Mapping[object, object] = value
        self._asked: set[object] = set()
        self._inner: dict[str, list[Fields]] = {}

    def get(self, name: str) -> object:
        """The value as it was sent, None when absent."""
        self._asked.add(name)
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Text that is not empty; a whole number counts as text, for ids that some readers number."""
        value = self.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if abs(value) <= _MOST_OF_LONG else None
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> float | None:
        """A finite number, None for anything else."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, int) and abs(value) > _MOST_OF_LONG:
            return None
        return float(value) if math.isfinite(value) else None

    def count(self, name: str) -> int | None:
        """A whole number that is not negative and fits 63 bits, None for anything else."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_OF_LONG:
            return None
        return value

    def inner(self, name: str) -> "Fields":
        """An object within; an empty one when it is absent or something else."""
        if name not in self._inner:
            value = self.get(name)
            self._inner[name] = [Fields(value if isinstance(value, Mapping) else {})]
        return self._inner[name][0]

    def each(self, name: str) -> list["Fields"]:
        """The objects of a list within; what is not an object is passed over."""
        if name not in self._inner:
            value = self.get(name)
            items = value if isinstance(value, list) else []
            self._inner[name] = [Fields(item) for item in items if isinstance(item, Mapping)]
        return self._inner[name]

    def dropped(self) -> int:
        """How many fields nobody asked for; a dropped object or list counts once."""
        return len(self._values.keys() - self._asked) + sum(
            inner.dropped() for inners in self._inner.values() for inner in inners
        )
