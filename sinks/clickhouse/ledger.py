"""The ledger's copy in ClickHouse: offset, key and value of each event, byte for byte as on the topic.

The copy is evidence, so it is never overwritten: where it holds something else than the topic does, the process ends.
"""

from collections.abc import Sequence

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from platestream.errors import IntegrityError
from platestream.metrics import LEDGER_STORED
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.taken import Taken
from sinks.topic_sink import Place, Refused

TOPIC = "ledger"
GROUP = "storage-ledger"

Event = tuple[int, bytes | None, bytes | None]

_EVENTS = """
SELECT DISTINCT offset, key, value FROM ledger
WHERE offset >= {first:UInt64} AND offset <= {last:UInt64}
ORDER BY offset
"""
_AS_BYTES = {"String": "bytes"}


class LedgerKeeper:
    """Keeps the events of the one partition of the ledger."""

    store = "ClickHouse"
    failures = Error

    def __init__(self, store: Store) -> None:
        self._store = store

    def sort(self, taken: Taken) -> tuple[list[Event], Refused]:
        """All of them: what an event means is not asked here."""
        return [(message.offset, message.key, message.value) for message in taken], []

    def keep(self, batch: Sequence[list[Event]]) -> None:
        """Raises IntegrityError when the copy already holds something else at one of the offsets."""
        client, events = self._store.client(), [event for piece in batch for event in piece]
        known = {event[0]: event for event in _query_events(client, events[0][0], events[-1][0])}
        for event in events:
            if known.get(event[0], event) != event:
                raise IntegrityError(
                    f"Offset {event[0]} of the ledger is not what its copy in ClickHouse holds: the topic was cut, "
                    "emptied or made anew. Stop, keep the disks, and compare both."
                )
        fresh = [event for event in events if event[0] not in known]
        if fresh:
            client.insert("ledger", fresh, column_names=["offset", "key", "value"])
        LEDGER_STORED.inc(len(fresh))

    def repair(self, batch: Sequence[list[Event]]) -> list[tuple[Place, str]]:
        """Bytes cannot be refused."""
        return []


def ledger_events(client: Client, first: int, last: int) -> list[Event]:
    """The copy of events `first` to `last`, as far as it goes. Raises TransientError when ClickHouse fails."""
    with clickhouse_errors("read the ledger's copy"):
        return _query_events(client, first, last)


def _query_events(client: Client, first: int, last: int) -> list[Event]:
    found = client.query(_EVENTS, parameters={"first": first, "last": last}, query_formats=_AS_BYTES)
    return [(offset, key, value) for offset, key, value in found.result_rows]
