"""Step 6, kept: reads, alerts and outcomes go into ClickHouse as the Avro they came in, spliced into containers.

The same message is the same row: each table names the identity of its rows, so a double is harmless (reads.py). When
ClickHouse refuses a batch, its records are read one by one, the corrupt ones become dead letters and the rest is
written anew and inserted. Of a batch only the bodies, spliced, are in memory, and where each came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.exceptions import Error
from prometheus_client import Counter

from platestream.clock import Clock, from_ms
from platestream.metrics import ALERTS_STORED, INSERT_SECONDS, INSERTS, OUTCOMES_STORED, READS_OVERDUE, READS_STORED
from platestream.retention import first_kept
from schemas.codec import Codec
from schemas.framing import peek_collected_at_ms
from schemas.versions import Version
from sinks.clickhouse.glancing import Glance
from sinks.clickhouse.peeking import Peek
from sinks.clickhouse.sorting import Judge, sort_taken
from sinks.clickhouse.splice import Block, columns, container
from sinks.clickhouse.spliced import Spliced
from sinks.clickhouse.store import Store
from sinks.holds.investigations import Withheld, nothing_withheld
from sinks.retention.rules import KeptSpan
from sinks.taken import Taken
from sinks.topic_sink import Place, Refused
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions


@dataclass(frozen=True)
class Table:
    """Where the messages of a topic go: the record they are, the table they are inserted into and what counts them."""

    topic: str
    group: str
    record: str
    landing: str
    stored: Counter
    overdue: Counter | None = None


READS = Table("plate-reads", "storage-reads", "PlateRead", "reads_landing", READS_STORED, READS_OVERDUE)
ALERTS = Table("alerts", "storage-alerts", "Alert", "alerts_landing", ALERTS_STORED)
OUTCOMES = Table("alert-outcomes", "storage-outcomes", "AlertOutcome", "alert_outcomes", OUTCOMES_STORED)

Piece = list[Spliced]


class TableKeeper:
    """Keeps what is on the topic of `table`; `new_judge` gives the judge of one piece."""

    store = "ClickHouse"
    failures = Error

    def __init__(self, table: Table, store: Store, codec: Codec, new_judge: Callable[[], Judge]) -> None:
        self._table = table
        self._store = store
        self._codec = codec
        self._new_judge = new_judge

    def sort(self, taken: Taken) -> tuple[Piece, Refused]:
        found = sort_taken(taken, self._codec, self._table.record, self._new_judge())
        if self._table.overdue:
            self._table.overdue.inc(found.left_out)
        return [Spliced.of(group, taken.partition) for group in found.groups], found.refused

    def keep(self, batch: Sequence[Piece]) -> None:
        by_version: dict[str, list[Spliced]] = {}
        for piece in batch:
            for spliced in piece:
                by_version.setdefault(spliced.version.text, []).append(spliced)
        for alike in by_version.values():
            self._insert(alike[0].version, [spliced.block for spliced in alike])

    def repair(self, batch: Sequence[Piece]) -> list[tuple[Place, str]]:
        """What is left in the batch is as a correct writer gives it."""
        refused: list[tuple[Place, str]] = []
        for piece in batch:
            found = [spliced.repaired() for spliced in piece]
            piece[:] = [sound for sound, _ in found if sound]
            refused += [corrupt for _, all_corrupt in found for corrupt in all_corrupt]
        return refused

    def _insert(self, version: Version, blocks: Sequence[Block]) -> None:
        with INSERT_SECONDS.time():
            self._store.insert_avro(self._table.landing, columns(version), container(version, blocks))
        INSERTS.inc()
        self._table.stored.inc(sum(count for count, _ in blocks))


def reads_keeper(  # noqa: PLR0913 - what a read is judged by
    store: Store,
    codec: Codec,
    clock: Clock,
    days: int,
    withhold: Callable[[], Withheld] = nothing_withheld,
    *,
    suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
) -> TableKeeper:
    """Keeps reads collected less than `days` ago; those that are withheld it counts only.

    None that was collected while use was suspended, whichever way it came.

    Keeps: retention.sixty-days, suspension.order
    """

    def new_judge() -> Judge:
        now = clock.now()
        span, withheld = KeptSpan.at(now, days), withhold()
        judge_read = Peek(span, withheld, codec).judge_read
        suspended = suspensions().since(first_kept(now, days))
        if suspended.spans:
            return Judge(_outside(suspended, judge_read))
        return Judge(judge_read, Glance(span, withheld.plates).plain)

    return TableKeeper(READS, store, codec, new_judge)


def _outside(suspended: Suspensions, judge_read: Callable[[bytes], bytes | None]) -> Callable[[bytes], bytes | None]:
    def judge_lawful(value: bytes) -> bytes | None:
        return None if suspended.covers(from_ms(peek_collected_at_ms(value))) else judge_read(value)

    return judge_lawful


def alerts_keeper(
    store: Store, codec: Codec, clock: Clock, days: int, withhold: Callable[[], Withheld] = nothing_withheld
) -> TableKeeper:
    """Keeps alerts as long as the reads that raised them, and none that is withheld.

    Keeps: retention.sixty-days
    """

    def new_judge() -> Judge:
        return Judge(Peek(KeptSpan.at(clock.now(), days), withhold(), codec).judge_alert)

    return TableKeeper(ALERTS, store, codec, new_judge)


def outcomes_keeper(store: Store, codec: Codec) -> TableKeeper:
    """Keeps outcomes; they hold no plate."""
    return TableKeeper(OUTCOMES, store, codec, lambda: Judge(lambda value: value))
