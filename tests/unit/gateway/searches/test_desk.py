"""The order of things at the desk, with a ledger or a store that goes away at any step."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.decisions import decide
from gateway.access.folding import fold_access
from gateway.access.limits import limits_of
from gateway.access.state import AccessState
from gateway.searches.desk import SearchDesk
from platestream.clock import SetClock
from platestream.errors import RefusedError, TransientError
from platestream.settings import GatewaySettings
from schemas.codec import Codec
from schemas.messages import LedgerEvent
from sinks.clickhouse.questions import Question
from sinks.clickhouse.reads import StoredRead
from streams.ledger.events import SearchDecided, SearchRequested, body_of
from streams.ledger.memory import MemoryLedger
from streams.ledger.sealing import Seals
from tests.asking import NOW, PLATE, MemoryReads, a_desk, found_read, let_in, plate_search, revoke

LIMITS = limits_of(GatewaySettings())


class FailingLedger(MemoryLedger[AccessState]):
    """Goes away before its n-th append from now."""

    appends_left = 1000

    def append(self, event: LedgerEvent) -> int:
        self.is_away = self.is_away or self.appends_left == 0
        self.appends_left -= 1
        return super().append(event)


class WatchingReads(MemoryReads):
    """Notes which events stood in the ledger when it was asked."""

    ledger: MemoryLedger[AccessState]
    kinds_when_asked: Sequence[str] = ()

    def find(self, question: Question, search_id: UUID) -> Sequence[StoredRead]:
        self.kinds_when_asked = [event.kind for event in self.ledger.events()][-2:]
        return super().find(question, search_id)


def open_desk(codec: Codec, clock: SetClock) -> tuple[SearchDesk, FailingLedger, WatchingReads]:
    ledger = FailingLedger(codec, fold_access, AccessState())
    let_in(ledger, clock)
    reads = WatchingReads([found_read()])
    reads.ledger = ledger
    desk = a_desk(ledger, reads, clock, Seals([], bytes(32)), GatewaySettings())
    return desk, ledger, reads


def test_the_store_is_asked_after_the_decision_is_in_the_ledger(codec: Codec) -> None:
    desk, ledger, reads = open_desk(codec, SetClock(NOW))
    assert [read.plate for read in desk.ask(plate_search()).found.reads] == [PLATE]
    assert reads.kinds_when_asked == ["search-requested", "search-decided"]
    assert [event.kind for event in ledger.events()][-1] == "search-answered"


@pytest.mark.rule("query.log")
@pytest.mark.parametrize("appends", range(3))
def test_nothing_is_told_when_the_ledger_goes_away_at_any_step(codec: Codec, appends: int) -> None:
    desk, ledger, reads = open_desk(codec, SetClock(NOW))
    ledger.appends_left = appends
    with pytest.raises(TransientError):
        desk.ask(plate_search())
    assert reads.times_asked == (1 if appends == 2 else 0)


def test_a_store_that_is_away_is_written_down(codec: Codec) -> None:
    desk, ledger, reads = open_desk(codec, SetClock(NOW))
    reads.is_away = True
    with pytest.raises(TransientError):
        desk.ask(plate_search())
    last = ledger.events()[-1]
    assert last.kind == "search-answered"
    assert '"outcome":"failed"' in last.body


@pytest.mark.rule("access.list")
def test_a_revocation_a_moment_before_is_seen(codec: Codec) -> None:
    desk, ledger, reads = open_desk(codec, clock := SetClock(NOW))
    revoke(ledger, clock)
    with pytest.raises(RefusedError, match="revoked"):
        desk.ask(plate_search())
    assert reads.times_asked == 0
    assert [event.kind for event in ledger.events()][-2:] == ["search-requested", "search-decided"]


ASKED = st.lists(
    st.tuples(
        st.sampled_from([None, "26-012345", f"26-{PLATE}"]),
        st.sampled_from([None, "test", "Locate the stolen car", f"Is {PLATE} the stolen car"]),
        st.booleans(),
    ),
    max_size=6,
)


@given(ASKED)
def test_whoever_folds_the_ledger_comes_to_the_same_decisions(
    codec: Codec, asked: list[tuple[str | None, str | None, bool]]
) -> None:
    desk, ledger, _ = open_desk(codec, clock := SetClock(NOW))
    for case_number, reason, is_revoked in asked:
        clock.advance(timedelta(days=20, microseconds=1))
        if is_revoked:
            revoke(ledger, clock)
        try:
            desk.ask(plate_search(case_number=case_number, reason=reason))
        except RefusedError:
            continue
    assert decided_in(ledger.events()) == decided_anew(ledger.events())


def decided_in(events: Sequence[LedgerEvent]) -> dict[UUID, tuple[bool, str, str]]:
    bodies = [body for event in events if isinstance(body := body_of(event), SearchDecided)]
    return {body.search_id: (body.is_allowed, body.rule, body.sentence) for body in bodies}


def decided_anew(events: Sequence[LedgerEvent]) -> dict[UUID, tuple[bool, str, str]]:
    state, decisions = AccessState(), {}
    for offset, event in enumerate(events):
        state = fold_access(state, offset, event)
        if isinstance(body := body_of(event), SearchRequested):
            made = decide(state, event, LIMITS)
            decisions[body.search_id] = (made.is_allowed, made.rule, made.sentence)
    return decisions


def test_times_in_the_ledger_are_the_clocks(codec: Codec) -> None:
    desk, ledger, _ = open_desk(codec, SetClock(NOW))
    desk.ask(plate_search())
    times: set[datetime] = {event.at for event in ledger.events()}
    assert times == {NOW}
