"""Watches `alerts` as a dispatcher would: when each alert arrived, by one clock, whoever raised it.

All contenders are measured here alone. Reads and alerts both begin with the plate, so it is peeked from either.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition

from bench.errors import BenchError
from bench.topics import ALERTS_TOPIC
from platestream.settings import KafkaSettings
from schemas.framing import peek_plate
from streams.clients import consumer

_POLL_SECONDS = 0.002
_WATCH_SECONDS = 0.1


class AlertMeter:
    """Alerts since it was opened, in the order of arrival; `arrivals` are seconds of time.perf_counter."""

    def __init__(self, client: Consumer) -> None:
        self.arrivals: list[float] = []
        self._values: list[bytes] = []
        self._arrivals_in: defaultdict[int, list[float]] = defaultdict(list)
        self._client = client
        self._is_open = True
        self._thread = threading.Thread(target=self._watch, name="alert meter", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self.arrivals)

    def plates(self) -> list[bytes]:
        """The plate of each alert."""
        return [peek_plate(value) for value in self._values]

    def since(self, first: int) -> list[tuple[float, bytes]]:
        """Arrival and value of each alert from number `first` on."""
        return list(zip(self.arrivals[first:], self._values[first:], strict=False))

    def count_in(self, partition: int) -> int:
        """Alerts of one partition."""
        return len(self._arrivals_in[partition])

    def last_in(self, partition: int) -> float:
        """When the last of one partition arrived. Raises IndexError when there is none."""
        return self._arrivals_in[partition][-1]

    def wait_for(self, count: int, seconds: float, check: Callable[[], None]) -> float:
        """When alert number `count` arrived. `check` is asked meanwhile and raises when it can never come.

        Raises BenchError when it has not come within `seconds`.
        """
        deadline = time.perf_counter() + seconds
        while len(self.arrivals) < count:
            if time.perf_counter() > deadline:
                raise BenchError(f"{count} alerts were expected within {seconds:.0f} s, {len(self)} came.")
            check()
            time.sleep(_POLL_SECONDS)
        return self.arrivals[count - 1]

    def close(self) -> None:
        self._is_open = False
        self._thread.join()
        self._client.close()

    def _watch(self) -> None:
        while self._is_open:
            message = self._client.poll(_WATCH_SECONDS)  # returns with the message, unlike consume()
            arrived = time.perf_counter()
            if message is not None and message.error() is None and (value := message.value()) is not None:
                self._values.append(value)
                self._arrivals_in[message.partition() or 0].append(arrived)
                self.arrivals.append(arrived)


@contextmanager
def alert_meter(kafka: KafkaSettings, partitions: int = 1) -> Iterator[AlertMeter]:
    """A meter of the alerts that come from here on."""
    client = consumer(kafka, "bench-meter", **{"fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 1})
    places = [TopicPartition(ALERTS_TOPIC, partition) for partition in range(partitions)]
    for place in places:
        _, place.offset = client.get_watermark_offsets(place, timeout=30)
    client.assign(places)
    meter = AlertMeter(client)
    try:
        yield meter
    finally:
        meter.close()
