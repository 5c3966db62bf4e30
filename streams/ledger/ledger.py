"""What a ledger promises, whatever it is kept on. Step 8 (asked) writes to it before it answers.

The state a service works with is a pure fold of all events in their order: `fold(state, offset, event)` gives the
next state and changes nothing. So the state at an offset is the same in every process, and an auditor who folds the
same events comes to the same decisions.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from platestream.errors import IntegrityError
from schemas.messages import LedgerEvent

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
Fold = Callable[[S, int, LedgerEvent], S]

_KEPT_CHANGES = 4096


class Ledger(Protocol[S_co]):
    """Appends events and gives the state that they fold into. Safe to use from several threads.

    Every method raises TransientError when the ledger is away or slow, within a bounded time, and IntegrityError when
    events are missing or cannot be read: the process must then stop.
    """

    def append(self, event: LedgerEvent) -> int:
        """Write one event and return its offset once it is safe on disk.

        After a TransientError the event may be in the ledger all the same; nothing may be built on either.
        """
        ...

    def replay_to(self, offset: int) -> S_co:
        """The state after exactly the events up to and including `offset`."""
        ...

    def replay_all(self) -> S_co:
        """The state after every event that is in the ledger now."""
        ...

    def check_sound(self) -> None:
        """Raises IntegrityError once the replay had to stop. Asks nobody, returns at once."""
        ...

    def check_reachable(self) -> None:
        """Raises TransientError unless the ledger answers now."""
        ...

    def close(self) -> None: ...


class History(Generic[S]):
    """The last states of a fold, each with the offset that brought it. Not safe across threads."""

    def __init__(self, fold: Fold[S], initial: S) -> None:
        self._fold = fold
        self._changes: deque[tuple[int, S]] = deque([(-1, initial)], maxlen=_KEPT_CHANGES)
        self.position = -1

    def take(self, offset: int, event: LedgerEvent) -> None:
        """Fold the next event. Raises IntegrityError when one is missing before it."""
        if offset != self.position + 1:
            raise IntegrityError(
                f"The ledger goes from offset {self.position} to {offset}: events are missing. Stop, keep the disks, "
                "and compare the topic with its copy."
            )
        state = self._fold(self._changes[-1][1], offset, event)
        if state is not self._changes[-1][1]:
            self._changes.append((offset, state))
        self.position = offset

    @property
    def latest(self) -> S:
        """The state after all that was taken."""
        return self._changes[-1][1]

    def at(self, offset: int) -> S | None:
        """The state at an offset that was taken; None when it is too long ago."""
        return next((state for since, state in reversed(self._changes) if since <= offset), None)
