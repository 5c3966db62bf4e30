"""The ledger on its Kafka topic: a writer and a follower as one."""

from typing import Generic

from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.ledger.following import LedgerFollower
from streams.ledger.ledger import Fold, S
from streams.ledger.writing import LedgerWriter

TOPIC = "ledger"
_TIMEOUT_SECONDS = 5.0  # a cold broker's first answer to a new producer took 2.7 s on a busy machine


class KafkaLedger(Generic[S]):
    """Keeps the promises of `streams.ledger.ledger.Ledger` on a topic that exists. Opening waits for nothing."""

    def __init__(
        self,
        kafka: KafkaSettings,
        codec: Codec,
        fold: Fold[S],
        initial: S,
        *,
        topic: str = TOPIC,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._follower = LedgerFollower(kafka, codec, fold, initial, topic=topic, timeout_seconds=timeout_seconds)
        self._writer = LedgerWriter(kafka, codec, topic, timeout_seconds)

    def append(self, event: LedgerEvent) -> int:
        self._follower.check_sound()
        return self._writer.append(event)

    def replay_to(self, offset: int) -> S:
        return self._follower.state_at(offset)

    def replay_all(self) -> S:
        return self._follower.state_at_end()

    def latest(self) -> S:
        """The state after what was followed until now; asks nobody. Raises IntegrityError as `check_sound`."""
        return self._follower.latest()

    def check_sound(self) -> None:
        self._follower.check_sound()

    def check_reachable(self) -> None:
        self._writer.check_reachable()

    def close(self) -> None:
        self._writer.close()
        self._follower.close()
