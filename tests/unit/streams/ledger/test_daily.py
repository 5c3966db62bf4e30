"""The head is signed once a day, by whoever comes first, and never of a ledger that does not verify."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from platestream.clock import SetClock
from platestream.errors import IntegrityError
from schemas.codec import Codec
from streams.ledger.daily import DailySigning
from streams.ledger.memory import MemoryLedger
from streams.ledger.proof import Event
from streams.ledger.verification import verify_events
from tests.asking import NOW, found_program
from tests.proving import SIGNER, TOPIC, as_stored


class Day:
    """A signing over a ledger in memory."""

    def __init__(self, codec: Codec) -> None:
        self.clock, self.codec = SetClock(NOW), codec
        self.ledger = MemoryLedger(codec, fold_access, AccessState())
        self.changed: dict[int, bytes] = {}
        self.signing = DailySigning(self.ledger, self.signed_at, self.history, SIGNER, self.clock, TOPIC)

    def signed_at(self) -> datetime | None:
        return self.ledger.replay_all().head_signed_at

    def history(self) -> list[Event]:
        events = as_stored(self.codec, self.ledger.events())
        return [event._replace(value=self.changed.get(event.offset, event.value)) for event in events]


@pytest.fixture
def day(codec: Codec) -> Any:
    return Day(codec)


def test_it_is_signed_once_a_day_and_the_signatures_verify(day: Day) -> None:
    assert not day.signing.sign_if_due()  # there is nothing yet
    found_program(day.ledger, day.clock)
    assert day.signing.sign_if_due()
    assert not day.signing.sign_if_due()
    day.clock.advance(timedelta(hours=24))
    assert day.signing.sign_if_due()
    verified = verify_events(day.history(), TOPIC, SIGNER.public_key)
    assert (verified.signed_heads, verified.faults) == (2, [])


def test_a_ledger_that_was_changed_is_not_signed_and_stops_the_process(day: Day) -> None:
    found_program(day.ledger, day.clock)
    day.signing.sign_if_due()
    day.changed[0] = day.history()[1].value
    day.clock.advance(timedelta(days=1))
    before = len(day.ledger.log)
    with pytest.raises(IntegrityError, match="not signed"):
        day.signing.sign_if_due()
    assert len(day.ledger.log) == before
    day.signing.start()
    day.signing._thread.join(10)
    with pytest.raises(IntegrityError):
        day.signing.check()


def test_it_waits_while_the_ledger_is_away(day: Day) -> None:
    found_program(day.ledger, day.clock)
    day.ledger.is_away = True
    day.signing.start()
    day.signing.stop()
    day.signing.check()
