"""A broker and its producers, played: acknowledgements come when the test says so.

tests/contract/streams/devices holds the played producer to what the real one does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import sleep

from confluent_kafka import KafkaError, KafkaException

from streams.devices.publisher import largest_record_bytes

Report = Callable[[KafkaError | None, "Sent"], None]


@dataclass
class Sent:
    name: str
    content: bytes
    key: bytes
    report: Report

    def topic(self) -> str:
        return self.name


@dataclass
class Broker:
    """What producers of one test share. It acknowledges while `is_up`; `breaks` gives the next records back."""

    is_up: bool = True
    breaks: int = 0
    refuses: int = 0
    is_full: bool = False
    taken: list[Sent] = field(default_factory=list)
    producers: int = 0

    def contents(self) -> list[bytes]:
        return [sent.content for sent in self.taken]


class PlayedProducer:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.waiting: list[Sent] = []
        broker.producers += 1

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Report) -> None:
        if self.broker.refuses or len(value) > largest_record_bytes():
            self.broker.refuses = max(0, self.broker.refuses - 1)
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        if self.broker.is_full and len(self.waiting) >= 3:
            raise BufferError
        self.waiting.append(Sent(topic, value, key, on_delivery))

    def poll(self, timeout: float) -> None:
        sleep(timeout if not self.waiting else 0)
        self._acknowledge()

    def flush(self, timeout: float) -> None:
        self._acknowledge()

    def purge(self) -> None:
        waiting, self.waiting = self.waiting, []
        for sent in waiting:
            sent.report(KafkaError(KafkaError._PURGE_QUEUE), sent)

    def _acknowledge(self) -> None:
        while self.broker.is_up and self.waiting:
            sent = self.waiting.pop(0)
            if self.broker.breaks:
                self.broker.breaks -= 1
                sent.report(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), sent)
                continue
            self.broker.taken.append(sent)
            sent.report(None, sent)
