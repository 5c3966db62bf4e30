"""Puts plates on the list of suppressed ones and ends their suppression. For the list's keeper alone."""

from datetime import datetime

from confluent_kafka import KafkaError, KafkaException, Message

from platestream.clock import Clock
from platestream.errors import TransientError
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import Suppression
from schemas.plates import fold, normalise_plate
from streams.clients import producer
from streams.suppressions.secrecy import SuppressedPlate, SuppressionKey

TOPIC = "suppressions"
_TIMEOUT_SECONDS = 10.0


class SuppressionKeeper:
    """Writes the list. Nothing of it goes to the ledger, to logs or to metrics. Keeps: retention.suppressed"""

    def __init__(
        self,
        kafka: KafkaSettings,
        codec: Codec,
        key: SuppressionKey,
        clock: Clock,
        topic: str = TOPIC,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._producer = producer(kafka, **{"message.timeout.ms": int(timeout_seconds * 1000)})
        self._timeout_seconds = timeout_seconds
        self._codec, self._key, self._clock, self._topic = codec, key, clock, topic

    def suppress(self, plate: str, until_at: datetime | None = None) -> None:
        """Suppress a plate from now on, until `until_at` or without end. To repeat it is safe; the last one counts.

        Returns when the broker has acknowledged it. Raises InvalidMessage when it is no plate, TransientError when the
        broker does not acknowledge it in time.
        """
        self._write(plate, self._clock.now(), until_at)

    def release(self, plate: str) -> None:
        """End a plate's suppression. Raises as suppress; one that is not suppressed stays so."""
        now = self._clock.now()
        self._write(plate, now, now)

    def close(self) -> None:
        """End the connection; what was acknowledged stays."""
        self._producer.close()

    def _write(self, plate: str, since_at: datetime, until_at: datetime | None) -> None:
        folded = fold(normalise_plate(plate)).encode()
        encrypted = self._key.encrypt(SuppressedPlate(folded=folded, since_at=since_at, until_at=until_at))
        value = self._codec.encode(Suppression(encrypted=encrypted, added_at=self._clock.now()))
        failures: list[str] = []

        def acknowledged(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(error.str())

        try:
            self._producer.produce(
                self._topic, key=self._key.hash(folded), value=value, partition=0, on_delivery=acknowledged
            )
        except KafkaException as error:
            failures.append(error.args[0].str())
        if self._producer.flush(self._timeout_seconds + 1) or failures:
            raise TransientError("The list of suppressed plates did not take it. Try again when the broker answers.")
