"""`platestream ledger`: proof that nothing in it was changed, and what it shows to whom."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from platestream.errors import IntegrityError
from platestream.settings import Settings, load_settings

if TYPE_CHECKING:
    from streams.ledger.proof import Event, Fault
    from streams.ledger.verification import Verified

app = typer.Typer(name="ledger", help="Export, verify, sign and open the ledger.", no_args_is_help=True)

PublicKey = Annotated[Path | None, typer.Option("--key", help="public key that signed; default: this installation's")]
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Json = Annotated[bool, typer.Option("--json", help="one JSON object")]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="file to write")],
    whole: Annotated[bool, typer.Option("--whole", help="nothing withheld: for the auditor")] = False,
) -> None:
    """Write the ledger into one file with its signed head; what the public may not read is withheld event by event.

    `streams/ledger/proof.py` verifies the file without the rest of platestream.
    """
    from platestream.clock import SystemClock
    from streams.ledger.classification import withheld_from_public
    from streams.ledger.export import write_export
    from streams.ledger.kafka import TOPIC
    from streams.ledger.reading import read_topic
    from streams.ledger.signing import load_signer

    settings = load_settings()
    with file.open("xb") as out:
        count = write_export(
            _events(read_topic(settings.kafka, TOPIC)),
            out,
            topic=TOPIC,
            at=SystemClock().now(),
            signer=load_signer(settings),
            withhold=None if whole else withheld_from_public,
        )
    print(f"{count} events are in {file}")


@app.command()
def verify(
    exported: Annotated[Path | None, typer.Argument(help="an export; without it the topic is verified")] = None,
    segments: Annotated[Path | None, typer.Option(help="the partition's folder of a broker, read as files")] = None,
    against: Annotated[Path | None, typer.Option(help="an export kept elsewhere, to place what was changed")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="beside its copy in ClickHouse, byte for byte")] = False,
    key: PublicKey = None,
    as_json: Json = False,
) -> None:
    """Find and place any event that was changed, lost, added or moved. Ends with 3 when there is one."""
    verified = _verified(load_settings(), exported=exported, segments=segments, against=against, key=key, copy=copy)
    if as_json:
        faults = [fault._asdict() for fault in verified.faults]
        heads = {"head": verified.head.hex(), "signed_heads": verified.signed_heads}
        print(json.dumps({"events": verified.events, **heads, "faults": faults}))
    else:
        for fault in verified.faults:
            print(f"{fault.kind}: {fault.sentence}")
        print(f"{verified.events} events, {verified.signed_heads} signed heads, {len(verified.faults)} faults")
    if verified.faults:
        raise IntegrityError(f"The ledger does not verify: {len(verified.faults)} faults. Keep the disks; compare.")


@app.command()
def sign() -> None:
    """Sign the head of the ledger into the ledger, and print it for the public log. Meant for once a day."""
    from platestream.clock import SystemClock
    from streams.ledger.events import new_event
    from streams.ledger.kafka import TOPIC
    from streams.ledger.signing import load_signer, signed_head
    from streams.ledger.writing import LedgerWriter
    from streams.registry import load_codec

    settings, now = load_settings(), SystemClock().now()
    signed = signed_head(_verified(settings), TOPIC, load_signer(settings), now)
    writer = LedgerWriter(settings.kafka, load_codec(settings), TOPIC, 20)
    try:
        writer.append(new_event(signed, at=now, actor_id="ledger", subject_id="ledger"))
    finally:
        writer.close()
    print(signed.model_dump_json())


@app.command("open")
def open_(
    key: Annotated[Path, typer.Option(help="a log reader's private key")],
    person: Annotated[str | None, typer.Option(help="only this person's searches")] = None,
    since: Annotated[datetime, typer.Option(help="first day, UTC")] = _FIRST,
    until: Annotated[datetime, typer.Option(help="first day no longer asked for, UTC")] = _LAST,
) -> None:
    """Name what was searched for and seen, one JSON object a search: for audits and breaches."""
    from streams.ledger.kafka import TOPIC
    from streams.ledger.opening import open_searches
    from streams.ledger.reading import read_topic
    from streams.ledger.sealing import SealOpener

    events = _events(read_topic(load_settings().kafka, TOPIC))
    first, last = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    for search in open_searches(events, SealOpener(key), person_id=person, since=first, until=last):
        print(json.dumps(vars(search), default=str))


def _verified(  # noqa: PLR0913 - one argument an option
    settings: Settings,
    *,
    exported: Path | None = None,
    segments: Path | None = None,
    against: Path | None = None,
    key: Path | None = None,
    copy: bool = False,
) -> "Verified":
    from sinks.clickhouse.ledger_copy import beside_copy
    from sinks.clickhouse.store import Store
    from streams.ledger.kafka import TOPIC
    from streams.ledger.reading import read_topic
    from streams.ledger.segments import read_segments
    from streams.ledger.signing import public_key_file, read_public_key
    from streams.ledger.verification import verify_events, verify_export

    public_key = read_public_key(key or public_key_file(settings.path(settings.gateway.ledger_signing_key_file)))
    if exported is not None:
        return verify_export(exported, public_key)
    found = read_segments(segments) if segments else read_topic(settings.kafka, TOPIC)
    if not copy:
        return verify_events(found, TOPIC, public_key, against)
    with closing(Store(settings)) as store:
        return verify_events(beside_copy(found, store.client()), TOPIC, public_key, against)


def _events(found: "Iterable[Event | Fault]") -> "Iterator[Event]":
    from streams.ledger.proof import Event

    for one in found:
        if not isinstance(one, Event):
            raise IntegrityError("The ledger topic is damaged; run `platestream ledger verify`.")
        yield one
