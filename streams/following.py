"""Follows a partition from its first message on a thread of its own: for who keeps all that a topic says in memory.

The consumer belongs to no group and commits nothing: every start reads everything.
"""

import threading
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, Message, TopicPartition

from platestream.settings import KafkaSettings
from streams.clients import consumer

_POLL_SECONDS = 0.05  # how long closing may wait


class Following:
    """Gives each message to `take`, the client's errors among them. What `take` raises ends it and goes to `stopped`.

    Both are called from the thread; whoever they belong to must be ready for that before this is made.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        *,
        name: str,
        options: Mapping[str, object],
        take: Callable[[Message], None],
        stopped: Callable[[Exception], None],
    ) -> None:
        self._take, self._stopped = take, stopped
        self._closing = threading.Event()
        self._consumer: Consumer = consumer(kafka, name, **options)
        self._consumer.assign([TopicPartition(topic, 0, 0)])
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, then the connection."""
        self._closing.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        try:
            while not self._closing.is_set():
                if (message := self._consumer.poll(_POLL_SECONDS)) is not None:
                    self._take(message)
        except Exception as error:  # whatever it is, what is kept in memory is not current any more
            self._stopped(error)
