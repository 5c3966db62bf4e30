"""Three ways of bringing the same reads into `reads`: ours, fastavro with ordinary inserts, ClickHouse alone."""

import io
import threading
import time
from typing import Protocol
from uuid import uuid4

import fastavro
from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.errors import BenchError
from bench.storage.ground import PARTITIONS, Ground
from bench.storage.measuring import Measured, resident_bytes, stopwatch
from bench.topics import READS_TOPIC
from schemas.framing import HEADER_BYTES
from schemas.versions import newest
from sinks.clickhouse.sink import READS, Piece, reads_keeper
from sinks.clickhouse.splice import columns
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake
from sinks.topic_sink import Limits, TopicSink
from streams.clients import consumer

_WAIT_SECONDS = 0.1
_INSERT = {"max_partitions_per_insert_block": 0, "optimize_on_insert": 0, "async_insert": 0}
_ROWS_PER_INSERT = 50_000


class Contender(Protocol):
    """Empties `reads`, fills it once and says what it took. Raises BenchError when a row is missing."""

    def run(self) -> Measured: ...


class OurSink:
    """The sink as the storage process runs it, until everything is committed."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._failure: BaseException | None = None

    def run(self) -> Measured:
        ground, group, stop = self._ground, f"bench-{uuid4()}", threading.Event()
        ground.empty_tables()
        sink = self._sink(group)
        thread = threading.Thread(target=self._keep, args=(sink, stop), daemon=True)
        with ground.holds.taking():
            with stopwatch() as watch:
                thread.start()
                peak = self._wait(group)
            stop.set()
            thread.join()
        ground.check(ground.stored)
        ground.holds.check()
        return Measured(ground.reads, watch.seconds, watch.cpu_seconds, ground.parts(), peak)

    def _sink(self, group: str) -> TopicSink[Piece]:
        ground = self._ground
        kafka, codec, limits = ground.broker.kafka, ground.broker.codec, ground.settings.storage
        keeper = reads_keeper(ground.store, codec, ground.clock, 60, ground.withhold)
        return TopicSink(
            Intake(kafka, READS_TOPIC, group),
            keeper,
            DeadLetters(kafka, codec, ground.clock),
            Limits(limits.batch_reads, limits.batch_milliseconds / 1000),
        )

    def _keep(self, sink: TopicSink[Piece], stop: threading.Event) -> None:
        try:
            sink.run(stop, lambda: None)
        except BaseException as error:
            self._failure = error

    def _wait(self, group: str) -> int:
        """Until all is committed; the largest resident memory meanwhile."""
        client, peak = consumer(self._ground.broker.kafka, group), 0
        partitions = [TopicPartition(READS_TOPIC, number) for number in range(PARTITIONS)]
        while _committed(client, partitions) < self._ground.reads:
            if self._failure:
                raise BenchError(f"The sink ended: {self._failure}") from self._failure
            peak = max(peak, resident_bytes())
            time.sleep(_WAIT_SECONDS)
        client.close()
        return peak


class ClickHouseAlone:
    """ClickHouse reads a ready Avro file from disk, as plain types, through the same view into the same table."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def run(self) -> Measured:
        ground = self._ground
        ground.empty_tables()
        names = ", ".join(columns(newest("PlateRead")))
        described = ground.store.client().query(
            "SELECT name, type FROM system.columns WHERE table = 'reads_landing' AND database = currentDatabase()"
        )
        structure = ", ".join(f"{name} {kind}" for name, kind in described.result_rows)
        sql = (
            f"INSERT INTO {READS.landing} ({names}) SELECT {names} FROM file({{path:String}}, 'Avro', {{kinds:String}})"
        )
        with stopwatch() as watch:
            ground.store.client().command(
                sql, parameters={"path": str(ground.avro_file), "kinds": structure}, settings=_INSERT
            )
        ground.check(ground.stored)
        return Measured(ground.stored, watch.seconds, watch.cpu_seconds, ground.parts(), resident_bytes())


class FastavroInsert:
    """A consumer that decodes each read with fastavro and inserts rows, as most sinks do; insert, then commit."""

    def __init__(self, ground: Ground, reads: int) -> None:
        self._ground = ground
        self._reads = reads

    def run(self) -> Measured:
        ground, version = self._ground, newest("PlateRead")
        ground.empty_tables()
        client = consumer(ground.broker.kafka, f"bench-{uuid4()}")
        client.subscribe([READS_TOPIC])
        names = columns(version)
        done = 0
        with stopwatch() as watch:
            while done < self._reads:
                messages = [one for one in client.consume(_ROWS_PER_INSERT, 0.5) if not one.error()]
                values = (one.value() or b"" for one in messages)
                rows = [
                    _row(fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), version.parsed), names)
                    for value in values
                ]
                if rows:
                    ground.store.client().insert(READS.landing, rows, column_names=names, settings=_INSERT)
                    client.commit(asynchronous=False)
                done += len(rows)
        client.close()
        ground.check(done)
        return Measured(done, watch.seconds, watch.cpu_seconds, ground.parts(), resident_bytes())


def _committed(client: Consumer, partitions: list[TopicPartition]) -> int:
    try:
        return sum(max(0, one.offset) for one in client.committed(partitions, timeout=60))
    except KafkaException:  # the broker is still making its topic of offsets
        return 0


def _row(read: object, names: list[str]) -> list[object]:
    assert isinstance(read, dict)
    row = [read[name] for name in names]
    row[names.index("candidates")] = [(one["plate"], one["confidence"]) for one in read["candidates"]]
    row[names.index("pictures")] = [(one["sha256"], one["kind"]) for one in read["pictures"]]
    return row
