"""Long work on an event loop that lets others have their turn."""

import asyncio
import time

_TURN_SECONDS = 0.01


class Turns:
    """Made where the work begins; `give` is awaited after each small piece of it."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def give(self) -> None:
        """Let others have their turn if this one has lasted 10 ms."""
        if time.monotonic() - self._since > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._since = time.monotonic()
