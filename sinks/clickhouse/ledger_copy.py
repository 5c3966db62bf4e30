"""Compares the ledger's copy in ClickHouse with the events it was made from, byte for byte."""

from collections.abc import Iterable, Iterator
from itertools import islice

from clickhouse_connect.driver.client import Client

from sinks.clickhouse.ledger import ledger_events
from sinks.clickhouse.store import clickhouse_errors
from streams.ledger.proof import Event, Fault

_BATCH = 10_000


def beside_copy(found: Iterable[Event | Fault], client: Client) -> Iterator[Event | Fault]:
    """What was found, with a fault at each offset where the copy holds something else, nothing, or more than it.

    The copy may end earlier: its sink is a moment behind. Raises TransientError when ClickHouse fails.
    """
    last, seen, all_found = _last_offset(client), -1, iter(found)
    while batch := list(islice(all_found, _BATCH)):
        events = {one.offset: one for one in batch if isinstance(one, Event)}
        yield from batch
        if events:
            yield from _differences(client, events, last)
            seen = max(seen, *events)
    for offset in range(seen + 1, last + 1):
        yield Fault("missing", offset, f"event {offset} is in the copy only")


def _differences(client: Client, events: dict[int, Event], last: int) -> Iterator[Fault]:
    copied: dict[int, set[tuple[bytes | None, bytes | None]]] = {}
    for offset, key, value in ledger_events(client, min(events), max(events)):
        copied.setdefault(offset, set()).add((key, value))
    for offset, event in events.items():
        if offset in copied and copied[offset] != {(event.key, event.value)}:
            yield Fault("changed", offset, f"event {offset} is another in the copy")
        elif offset not in copied and offset <= last:
            yield Fault("missing", offset, f"event {offset} is missing in the copy")
    for offset in copied.keys() - events.keys():
        yield Fault("missing", offset, f"event {offset} is in the copy only")


def _last_offset(client: Client) -> int:
    with clickhouse_errors("read the ledger's copy"):
        count, last = client.query("SELECT count(), max(offset) FROM ledger").result_rows[0]
    return int(last) if count else -1
