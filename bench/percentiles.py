"""Percentiles of measured times."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least `share` (0..1) of all do not exceed. Raises ValueError when there are none."""
    if not values:
        raise ValueError("No values were measured.")
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
