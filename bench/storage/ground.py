"""The ground of a bench of the sink: reads of 60 days on the topic and in an Avro file, a store."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import sleep

from bench.broker import BenchBroker
from bench.errors import BenchError
from bench.plates import PLATE_BYTES, plate
from bench.storage.holding import Holds
from bench.templates import ReadTemplates
from bench.topics import READS_TOPIC
from platestream.clock import SetClock, to_ms
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES
from schemas.plates import fold_bytes
from schemas.versions import newest
from sinks.clickhouse.glancing import long_of_six_bytes
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.splice import container, splice
from sinks.clickhouse.store import Store
from sinks.holds.investigations import Withheld
from sinks.holds.partitions import TABLES as HELD_TABLES
from streams.chunks.records import records_of_values
from streams.clients import producer

DAYS = 60
SUPPRESSED = 10_000
READS_PER_SUPPRESSED = 1_000
PARTITIONS = 4
_PLATES = 2_000_000
_FLUSH_SECONDS = _CLEARING_SECONDS = 120
_TABLES = ["reads", "blanked_reads", *HELD_TABLES]
_OURS = "table IN {tables:Array(String)} AND database = currentDatabase()"
_TIME_AT = HEADER_BYTES + 1 + PLATE_BYTES
_DAY_MS = 86_400_000
_HOURS_MS = 18 * 3_600_000


@dataclass
class Ground:
    """Everything a contender needs. `stored` of the `reads` may be stored, the others have suppressed plates."""

    settings: Settings
    broker: BenchBroker
    clock: SetClock
    reads: int
    stored: int
    suppressed: frozenset[bytes] = field(repr=False)
    avro_file: Path
    store: Store = field(init=False, repr=False)
    holds: Holds = field(init=False, repr=False)

    @contextmanager
    def store_open(self) -> Iterator[None]:
        """Open the engine with the newest schema, and a thousand holds."""
        self.store = Store(self.settings)
        try:
            migrate(self.store.client())
            self.holds = Holds(self.settings, self.store, self.clock)
            yield
        finally:
            self.store.close()

    def withhold(self) -> Withheld:
        """What the sink is told of suppressed plates and investigations."""
        return Withheld(self.suppressed, self.holds.investigations)

    def empty_tables(self) -> None:
        """Empty reads and holds, and wait until the files are gone: a run is not to clear away what one before it left.

        Raises BenchError when they stay.
        """
        for table in _TABLES:
            self.store.client().command(f"TRUNCATE TABLE {table}")
        for _ in range(_CLEARING_SECONDS):
            if not self._count(f"SELECT count() FROM system.parts WHERE NOT active AND {_OURS}"):
                return
            sleep(1)
        raise BenchError(f"Files of emptied tables stay for more than {_CLEARING_SECONDS} s.")

    def parts(self) -> int:
        """Active parts of `reads`."""
        return self._count(f"SELECT count() FROM system.parts WHERE active AND table = 'reads' AND {_OURS}")

    def check(self, stored: int) -> None:
        """Raises BenchError unless that many different reads are stored."""
        found = self._count("SELECT uniqExact(read_id) FROM reads")
        if found != stored:
            raise BenchError(f"{found} reads are stored, not {stored}.")

    def _count(self, question: str) -> int:
        return int(self.store.client().query(question, parameters={"tables": _TABLES}).result_rows[0][0])


def prepare_ground(broker: BenchBroker, reads: int) -> Ground:
    """Fill the topic and write the Avro file, which holds what may be stored."""
    today = datetime.combine(datetime.now(UTC).date(), time(1), UTC)
    suppressed = [plate(number) for number in range(_PLATES, _PLATES + SUPPRESSED)]
    values = draw_reads(broker.codec, reads, today, suppressed)
    _send(broker, values)
    taboo = frozenset(fold_bytes(one) for one in suppressed)
    may_be_stored = [value for number, value in enumerate(values) if number % READS_PER_SUPPRESSED]
    file = broker.folder / "reads.avro"
    file.write_bytes(b"".join(container(newest("PlateRead"), [splice(records_of_values(may_be_stored))])))
    clock = SetClock(today + timedelta(hours=20))
    return Ground(broker.settings, broker, clock, reads, len(may_be_stored), taboo, file)


def draw_reads(codec: Codec, reads: int, today: datetime, suppressed: Sequence[bytes]) -> list[bytes]:
    """Framed reads whose days change from read to read: each batch touches all 60.

    With `suppressed`, one read in a thousand has one of these plates.
    """
    chance = random.Random(11)
    templates, start_ms = ReadTemplates(codec, today), to_ms(today)
    drawn = []
    for number in range(reads):
        is_suppressed = suppressed and number % READS_PER_SUPPRESSED == 0
        drawn_plate = chance.choice(suppressed) if is_suppressed else plate(chance.randrange(_PLATES))
        value = templates.read(number, drawn_plate)
        at_ms = start_ms - chance.randrange(DAYS) * _DAY_MS + chance.randrange(_HOURS_MS)
        drawn.append(value[:_TIME_AT] + long_of_six_bytes(at_ms) + value[_TIME_AT + 6 :])
    return drawn


def _send(broker: BenchBroker, values: list[bytes]) -> None:
    client = producer(broker.kafka, **{"linger.ms": 100, "batch.size": 900_000})
    for number, value in enumerate(values):
        while True:
            try:
                client.produce(READS_TOPIC, value, partition=number % PARTITIONS)
                break
            except BufferError:
                client.poll(0.1)
    if client.flush(_FLUSH_SECONDS):
        raise BenchError("The broker did not take all reads of the bench.")
