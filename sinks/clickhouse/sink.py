"""Step 6, kept: reads, alerts and outcomes go into ClickHouse as the Avro they came in, spliced into containers.

The same message is the same row: each table names the identity of its rows, so a double is harmless (reads.py). When
ClickHouse refuses a batch, its records are read one by one, the corrupt ones become dead letters and the rest is
written anew and inserted.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.exceptions import Error
from confluent_kafka import Message
from prometheus_client import Counter

from platestream.clock import Clock
from platestream.errors import InvalidMessage
from platestream.metrics import ALERTS_STORED, INSERT_SECONDS, INSERTS, OUTCOMES_STORED, READS_OVERDUE, READS_STORED
from schemas.codec import Codec
from sinks.clickhouse.peeking import Peek
from sinks.clickhouse.sorting import Group, Judge, sort_messages
from sinks.clickhouse.splice import columns, container, write_anew
from sinks.clickhouse.store import Store
from sinks.retention.rules import KeptSpan
from sinks.topic_sink import Refused

NOTHING_SUPPRESSED: Container[bytes] = frozenset()


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

Batch = list[Group[Message]]


class TableKeeper:
    """Keeps what is on the topic of `table`; `new_judge` gives the judge of one batch."""

    store = "ClickHouse"
    failures = Error

    def __init__(self, table: Table, store: Store, codec: Codec, new_judge: Callable[[], Judge]) -> None:
        self._table = table
        self._store = store
        self._codec = codec
        self._new_judge = new_judge

    def sort(self, messages: Sequence[Message]) -> tuple[Batch, Refused]:
        found = sort_messages(messages, self._codec, self._table.record, self._new_judge())
        if self._table.overdue:
            self._table.overdue.inc(found.left_out)
        return found.groups, found.refused

    def keep(self, batch: Batch) -> None:
        for group in batch:
            with INSERT_SECONDS.time():
                content = container(group.version, group.values)
                self._store.insert_avro(self._table.landing, columns(group.version), content)
            INSERTS.inc()
            self._table.stored.inc(len(group.values))

    def repair(self, batch: Batch) -> Refused:
        """What is left in the groups is as a correct writer gives it."""
        refused: Refused = []
        for group in batch:
            pairs = list(zip(group.messages, group.values, strict=True))
            group.messages, group.values = [], []
            for message, value in pairs:
                try:
                    group.values.append(write_anew(group.version, value))
                    group.messages.append(message)
                except InvalidMessage as error:
                    refused.append((message, error.reason))
        return refused


def reads_keeper(
    store: Store, codec: Codec, clock: Clock, days: int, suppressed: Container[bytes] = NOTHING_SUPPRESSED
) -> TableKeeper:
    """Keeps reads collected less than `days` ago; of suppressed plates (folded) it counts them only.

    Keeps: retention.sixty-days
    """
    return TableKeeper(READS, store, codec, lambda: Peek(KeptSpan.at(clock.now(), days), suppressed, codec).judge_read)


def alerts_keeper(
    store: Store, codec: Codec, clock: Clock, days: int, suppressed: Container[bytes] = NOTHING_SUPPRESSED
) -> TableKeeper:
    """Keeps alerts as long as the reads that raised them; none of suppressed plates (folded).

    Keeps: retention.sixty-days
    """
    return TableKeeper(
        ALERTS, store, codec, lambda: Peek(KeptSpan.at(clock.now(), days), suppressed, codec).judge_alert
    )


def outcomes_keeper(store: Store, codec: Codec) -> TableKeeper:
    """Keeps outcomes; they hold no plate."""
    return TableKeeper(OUTCOMES, store, codec, lambda: lambda value: value)
