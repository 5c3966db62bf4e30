"""The suppressed plates as a process holds them, fed with the messages of `suppressions` in order.

Whoever holds it shows nothing of it: no metric, log line, error or answer differs because a plate is on the list. A
message that cannot be read stops the process, since going on might show a plate that must not be shown.
"""

from datetime import datetime
from typing import Protocol

from platestream.clock import Clock
from platestream.errors import IntegrityError, InvalidMessage
from schemas.codec import Codec
from schemas.messages import Suppression
from streams.suppressions.secrecy import SuppressedPlate, SuppressionKey


class Suppressions(Protocol):
    """What reads and entries are held against."""

    def __contains__(self, folded: bytes) -> bool: ...


class SuppressedPlates:
    """All suppressed plates. The last message of a plate counts."""

    def __init__(self, codec: Codec, key: SuppressionKey, clock: Clock) -> None:
        self._codec, self._key, self._clock = codec, key, clock
        self._by_plate: dict[bytes, SuppressedPlate] = {}

    def __contains__(self, folded: bytes) -> bool:
        """Whether a folded plate is suppressed now. Keeps: retention.suppressed"""
        plate = self._by_plate.get(folded)
        return plate is not None and plate.is_in_force(self._clock.now())

    def in_force(self, now: datetime) -> frozenset[bytes]:
        """All folded plates that are suppressed at `now`, for those who handle many reads at once."""
        return frozenset(folded for folded, plate in self._by_plate.items() if plate.is_in_force(now))

    def listed(self) -> list[SuppressedPlate]:
        """Every plate that was ever on the list, for its keeper."""
        return list(self._by_plate.values())

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the topic. Raises IntegrityError when it cannot be read or its key is not its plate's."""
        plate = self._key.decrypt(self._decode(value).encrypted)
        if key != self._key.hash(plate.folded):
            raise IntegrityError("suppressions holds a message under a key that is not its own. Find out who wrote it.")
        self._by_plate[plate.folded] = plate

    def _decode(self, value: bytes | None) -> Suppression:
        try:
            message = self._codec.decode(value)
        except InvalidMessage as error:
            raise IntegrityError(f"suppressions holds a message that is unreadable: {error.reason}.") from None
        if not isinstance(message, Suppression):
            raise IntegrityError("suppressions holds a message of another record. Find out who wrote it.")
        return message
