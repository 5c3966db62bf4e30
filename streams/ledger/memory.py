"""A ledger in memory, for tests of what stands on it. The contract tests hold it to what the real one does."""

import threading
from typing import Generic

from platestream.errors import TransientError
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.ledger.ledger import Fold, History, S


class MemoryLedger(Generic[S]):
    """`log` holds the encoded events: a second ledger over the same list is the first one after a restart.

    While `is_away` is set it answers as if the broker were down.
    """

    def __init__(self, codec: Codec, fold: Fold[S], initial: S, log: list[bytes] | None = None) -> None:
        self.log: list[bytes] = [] if log is None else log
        self.is_away = False
        self._codec = codec
        self._history = History(fold, initial)
        self._lock = threading.Lock()

    def append(self, event: LedgerEvent) -> int:
        self.check_reachable()
        value = self._codec.encode(event)
        with self._lock:
            self.log.append(value)
            return len(self.log) - 1

    def replay_to(self, offset: int) -> S:
        self.check_reachable()
        with self._lock:
            if offset >= len(self.log):
                raise TransientError(f"The ledger's replay did not reach offset {offset} in time.")
            for at in range(self._history.position + 1, len(self.log)):
                self._history.take(at, self._codec.decode(self.log[at]))
            state = self._history.at(offset)
        if state is None:
            raise TransientError(f"Offset {offset} of the ledger is too long ago to decide on; ask again.")
        return state

    def replay_all(self) -> S:
        return self.replay_to(len(self.log) - 1)

    def events(self) -> list[LedgerEvent]:
        """All events in their order."""
        return [self._codec.decode(value) for value in self.log]

    def check_sound(self) -> None: ...

    def check_reachable(self) -> None:
        if self.is_away:
            raise TransientError("The ledger does not answer.")

    def close(self) -> None: ...
