"""How long what was destroyed may take to be gone: a search may read it still, a broker may have it open."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Look again every `pause_seconds` for `patience_seconds`."""

    patience_seconds: float = 180
    pause_seconds: float = 1
    sleep: Callable[[float], object] = time.sleep
