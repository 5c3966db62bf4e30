"""Verifies the ledger where it stands: on the topic, in the broker's files, and in its copy, against the chain.

What each can show alone: the topic that offsets have no hole, every event can be read and every signed head in it is
the head that comes out; the files also that no byte was changed that a consumer would not see. An event that was
changed and made to look right is found by the next signed head and placed exactly by an export kept elsewhere.
"""

from collections.abc import Iterable, Iterator
from itertools import chain as chain_both
from pathlib import Path
from typing import NamedTuple

from streams.ledger.comparison import compare
from streams.ledger.proof import Chain, Event, Export, Fault, leaf_of


class Verified(NamedTuple):
    """What came out: how many events, how many signed heads agreed, and what is wrong."""

    events: int
    head: bytes
    signed_heads: int
    faults: list[Fault]


def verify_events(
    found: Iterable[Event | Fault], topic: str, public_key: bytes | None = None, against: Path | None = None
) -> Verified:
    """Follow the chain over events as they stand, and compare them with an export when one is given."""
    chain = Chain(topic, public_key)
    events = _followed(found, chain)
    if against is None:
        for _ in events:
            continue
        return Verified(chain.count, chain.head, chain.signed_heads, chain.faults)
    with against.open("rb") as lines:
        export = Export(lines, public_key)
        rows = export.rows()
        differences = list(compare(events, rows))
        for _ in chain_both(events, rows):
            continue
        of_export = [fault._replace(sentence=f"in the export: {fault.sentence}") for fault in export.chain.faults]
    return Verified(chain.count, chain.head, chain.signed_heads, [*chain.faults, *differences, *of_export])


def verify_export(file: Path, public_key: bytes | None = None) -> Verified:
    """What `proof.py` does as a command."""
    with file.open("rb") as lines:
        export = Export(lines, public_key)
        for _ in export.rows():
            continue
    return Verified(export.chain.count, export.chain.head, export.chain.signed_heads, export.chain.faults)


def _followed(found: Iterable[Event | Fault], chain: Chain) -> Iterator[Event]:
    for one in found:
        if isinstance(one, Event):
            chain.take(one.offset, leaf_of(one), one)
            yield one
        else:
            chain.note(*one)
