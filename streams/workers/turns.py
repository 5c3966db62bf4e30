"""Long work that lets others have their turn: on an event loop, and among threads."""

import asyncio
import sys
import time

_TURN_SECONDS = 0.01
_MUCH_BYTES = 256 * 1024
_LOCK_SECONDS, _LOCK_SECONDS_OF_MUCH = 0.0005, 0.005


class Turns:
    """Made where the work begins; `give` is awaited after each small piece of it."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def give(self) -> None:
        """Let others have their turn if this one has lasted 10 ms."""
        if time.monotonic() - self._since > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._since = time.monotonic()


def share_lock(fetched_bytes: int) -> None:
    """Set how long a thread that wants Python's lock leaves it to another, by how much was fetched at once.

    With little, each such wait is one of an alert; at full speed each change of thread costs (decision 21).
    """
    sys.setswitchinterval(_LOCK_SECONDS_OF_MUCH if fetched_bytes > _MUCH_BYTES else _LOCK_SECONDS)
