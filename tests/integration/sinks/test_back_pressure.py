"""A store that stands still: the sink holds what it has, keeps its place in the group, says so, and goes on."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState

from platestream.metrics import PAUSED
from sinks.clickhouse.reads import count_reads
from sinks.clickhouse.sink import Piece, TableKeeper, reads_keeper
from sinks.clickhouse.store import Store
from sinks.intake import Intake
from sinks.taken import Taken
from sinks.topic_sink import Limits, Refused, TopicSink
from streams.clients import admin
from tests.integration.sinks.conftest import SECONDS, Bench, wait_until
from tests.storing import a_read

READS = 5_000
BATCH = 500
OUT_OF_GROUP_SECONDS = 10  # a member that gives no sign of life for so long is put out of its group


class StandingStill:
    """The real store behind a gate."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.gate = threading.Event()
        self.is_waiting = threading.Event()

    def insert_avro(self, *arguments: Any) -> None:
        self.is_waiting.set()
        assert self.gate.wait(SECONDS)
        self._store.insert_avro(*arguments)


class Counted:
    """A keeper that notes how many messages it was given, and how many of them it has kept."""

    def __init__(self, keeper: TableKeeper) -> None:
        self._keeper = keeper
        self.store, self.failures, self.repair = keeper.store, keeper.failures, keeper.repair
        self.taken = self.kept = self.most_at_once = 0

    def sort(self, taken: Taken) -> tuple[Piece, Refused]:
        self.taken += len(taken)
        self.most_at_once = max(self.most_at_once, self.taken - self.kept)
        return self._keeper.sort(taken)

    def keep(self, batch: Sequence[Piece]) -> None:
        self._keeper.keep(batch)
        self.kept += sum(spliced.block[0] for piece in batch for spliced in piece)


def members(bench: Bench) -> set[str]:
    """The members of the group, once it is at rest."""
    client = admin(bench.kafka)
    described = client.describe_consumer_groups([bench.group])[bench.group].result(SECONDS)
    return {one.member_id for one in described.members} if described.state == ConsumerGroupState.STABLE else set()


def is_paused(bench: Bench) -> bool:
    return PAUSED.labels(bench.topic)._value.get() == 1


def test_while_the_store_stands_still_the_sink_waits_within_its_bounds_and_in_its_group(
    bench: Bench, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    still = StandingStill(store)
    keeper = Counted(reads_keeper(still, bench.codec, bench.clock, bench.days))  # type: ignore[arg-type]
    intake = Intake(bench.kafka, bench.topic, bench.group, slow_seconds=1)
    sink = TopicSink(intake, keeper, bench.dead_letter_producer(), Limits(BATCH, seconds=0.1))
    bench.produce([bench.codec.encode(a_read(number)) for number in range(READS)])
    with bench.running(sink) as errors:
        assert still.is_waiting.wait(SECONDS)
        wait_until(lambda: is_paused(bench), "a pause")
        before = members(bench)
        time.sleep(1.5 * OUT_OF_GROUP_SECONDS)  # what does not happen can only be waited for
        assert is_paused(bench)
        assert members(bench) == before != set()
        assert (bench.committed(), keeper.kept) == (0, 0)
        still.gate.set()
        wait_until(lambda: errors or bench.committed() == READS, "committing all")
        assert members(bench) == before
    assert not errors
    assert keeper.most_at_once <= 2 * BATCH
    assert (keeper.taken, count_reads(store.client())) == (READS, READS)
    assert not is_paused(bench)
    said = [record.getMessage() for record in caplog.records if record.name == "sinks.intake"]
    assert any("paused, the store is slow" in line for line in said)
    assert any("goes on after" in line for line in said)
