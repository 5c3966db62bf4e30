"""`make bench-updates`: how soon a change of the list is in force in a worker that reads at full speed.

One partition holds reads for as long as the bench lasts. On the other, reads of a plate come every few milliseconds:
from the moment its entry is on the topic to its first alert, and from its removal to its last. ENTRIES and READS
shrink it.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import Producer

from bench.broker import BenchBroker, bench_broker
from bench.contenders import OURS, Running, running
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.meter import AlertMeter, alert_meter
from bench.plates import PLATES, plate
from bench.report import exit_code, print_result, say, step
from bench.templates import EntryTemplates, ReadTemplates, entry_key
from bench.topics import ENTRIES_TOPIC, READS_TOPIC, Filling, ReadFiller, Segment, fill_entries
from schemas.framing import peek_plate
from streams.clients import producer

_READS_PER_HIT = 500
_START_SECONDS = 400
_PAUSE_SECONDS = 0.005
_PATIENCE_SECONDS = 20
_SILENCE_SECONDS = 1.0  # a removal is in force when no alert has come for so long


@dataclass
class Changes:
    """Seconds to be in force, of each change."""

    updates: list[float] = field(default_factory=list)
    removals: list[float] = field(default_factory=list)


class Changer:
    """Puts entries on the list and takes them off again while reads of their plates come in."""

    def __init__(self, broker: BenchBroker, meter: AlertMeter, process: Running) -> None:
        now = datetime.now(UTC)
        self._entries, self._reads = EntryTemplates(broker.codec, now), ReadTemplates(broker.codec, now)
        self._client: Producer = producer(broker.kafka, **{"linger.ms": 0})
        self._meter, self._process = meter, process
        self._sent = 0

    def change(self, number: int, changes: Changes) -> None:
        """List an unlisted plate, then unlist it. Raises BenchError when that is not in force in 20 s."""
        listed, seen = plate(number), len(self._meter)
        since = self._put(listed, self._entries.entry(number, listed))
        self._read_until(listed, lambda: bool(self._alerts(listed, seen)))
        changes.updates.append(self._alerts(listed, seen)[0] - since)
        since = self._put(listed, None)
        self._read_until(listed, lambda: time.perf_counter() - self._alerts(listed, seen)[-1] > _SILENCE_SECONDS)
        changes.removals.append(max(self._alerts(listed, seen)[-1] - since, 0))

    def _put(self, listed: bytes, entry: bytes | None) -> float:
        """When the broker has it."""
        self._client.produce(ENTRIES_TOPIC, entry, entry_key(listed), 0)
        self._client.flush(30)
        return time.perf_counter()

    def _read_until(self, listed: bytes, is_done: Callable[[], bool]) -> None:
        deadline = time.perf_counter() + _PATIENCE_SECONDS
        while not is_done():
            if time.perf_counter() > deadline:
                raise BenchError("A change of the list was not in force in time.")
            self._process.check()
            self._client.produce(READS_TOPIC, self._reads.read(PLATES + self._sent, listed), listed, 1)
            self._client.flush(30)
            self._sent += 1
            time.sleep(_PAUSE_SECONDS)

    def _alerts(self, listed: bytes, seen: int) -> list[float]:
        """When those of a plate arrived, from alert number `seen` on."""
        return [at for at, value in self._meter.since(seen) if peek_plate(value) == listed]


def measure(broker: BenchBroker, filling: Filling) -> tuple[Changes, float]:
    """Changes for as long as the filled reads last, and how many of those were read a second meanwhile."""
    changes, backlog = Changes(), filling.hits(filling.segments[0])
    with alert_meter(broker.kafka, partitions=2) as meter, running(OURS, broker, "bench-updates") as process:
        started = meter.wait_for(1, _START_SECONDS, process.check)
        changer, number = Changer(broker, meter, process), PLATES  # far from the plates of the filled reads
        while meter.count_in(0) < backlog * 0.9:  # the last changes are in force before the reads end
            number -= 1
            changer.change(number, changes)
        if not changes.updates:
            raise BenchError("The reads were over before the list was changed; raise READS.")
        return changes, filling.reads_per_hit * meter.count_in(0) / (meter.last_in(0) - started)


def main() -> None:
    entries, reads = int(os.environ.get("ENTRIES", "1000000")), int(os.environ.get("READS", "10000000"))
    filling = Filling(segments=(Segment(name="backlog", reads=reads),), entries=entries, reads_per_hit=_READS_PER_HIT)
    with exit_code(), bench_broker(read_partitions=2) as broker:
        say(describe_machine())
        now = datetime.now(UTC)
        with step(f"{entries:,} entries and {reads:,} reads onto the topics"):
            fill_entries(broker.kafka, EntryTemplates(broker.codec, now), range(entries))
            ReadFiller(broker.kafka, ReadTemplates(broker.codec, now), filling).fill_all()
        with step("changes of the list"):
            changes, rate = measure(broker, filling)
        print_result(
            {
                "bench": "updates",
                "changes": len(changes.updates),
                "reads_per_second": round(rate),
                "update_max_ms": round(1000 * max(changes.updates)),
                "removal_max_ms": round(1000 * max(changes.removals)),
            }
        )


if __name__ == "__main__":
    main()
