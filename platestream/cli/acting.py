"""What the commands on people, cases and flags share: the ledger of the settings' broker, and one act in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer

from platestream.settings import load_settings

if TYPE_CHECKING:
    from gateway.access.state import AccessState
    from streams.ledger.body import Body
    from streams.ledger.ledger import Ledger

Choice = TypeVar("Choice", bound=str)


def one_of(value: str, choices: Sequence[Choice], name: str) -> Choice:
    """The choice that was named. Raises BadParameter with all of them otherwise."""
    for choice in choices:
        if choice == value:
            return choice
    raise typer.BadParameter(f"choose one of: {', '.join(choices)}", param_hint=name)


@contextmanager
def open_ledger() -> "Iterator[Ledger[AccessState]]":
    """The ledger of the settings' broker, folded into the access state."""
    from gateway.access.folding import fold_access
    from gateway.access.state import AccessState
    from streams.ledger.kafka import KafkaLedger
    from streams.registry import load_codec

    settings = load_settings()
    ledger = KafkaLedger(settings.kafka, load_codec(settings), fold_access, AccessState())
    try:
        yield ledger
    finally:
        ledger.close()


def record(body: "Body", *, by: str, about: str, done: str) -> None:
    """Write one act and say so. Raises RefusedError when it does not count."""
    from gateway.access.administration import act
    from platestream.clock import SystemClock

    with open_ledger() as ledger:
        print(f"{done} (ledger offset {act(ledger, SystemClock(), body, by=by, about=about)})")


def record_on_plate(body: "Body", *, by: str, plate: str, done: str) -> None:
    """The same about a plate, which is sealed to the log readers."""
    from gateway.access.administration import act_on_plate
    from platestream.clock import SystemClock
    from schemas.plates import normalise_plate
    from streams.ledger.sealing import load_seals

    seals = load_seals(load_settings())
    with open_ledger() as ledger:
        offset = act_on_plate(ledger, SystemClock(), body, by=by, plate=normalise_plate(plate), seals=seals)
        print(f"{done} (ledger offset {offset})")
