from datetime import timedelta
from typing import Any

import pytest

from gateway.access.administration import authorize, record_training, revoke
from gateway.access.state import AccessState
from platestream.clock import SetClock
from platestream.errors import RefusedError
from streams.ledger.events import AuthorizationRevoked
from streams.ledger.memory import MemoryLedger
from tests.asking import ADMINISTRATOR, ANALYST, COMMANDER, NOW, TRAINER, granted, let_in, trained

AccessLedger = MemoryLedger[AccessState]


def test_acts_are_events_by_the_one_who_acted_about_the_one_concerned(ledger: AccessLedger, clock: SetClock) -> None:
    let_in(ledger, clock)
    revoke(ledger, clock, AuthorizationRevoked(person_id=ANALYST, revoked_by=COMMANDER, reason="changed assignment"))
    assert [(event.kind, event.actor_id, event.subject_id, event.at) for event in ledger.events()] == [
        ("authorization-granted", ADMINISTRATOR, ANALYST, NOW),
        ("training-recorded", TRAINER, ANALYST, NOW),
        ("authorization-revoked", COMMANDER, ANALYST, NOW),
    ]


@pytest.mark.rule("access.approval")
@pytest.mark.parametrize(
    "changes",
    [{"approved_by": ANALYST}, {"authorized_by": ANALYST}, {"approved_by": ADMINISTRATOR}],
    ids=["approves himself", "authorizes himself", "one person for both acts"],
)
def test_authorization_takes_two_other_people(ledger: AccessLedger, clock: SetClock, changes: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="two people") as refused:
        authorize(ledger, clock, granted(ANALYST, NOW, **changes))
    assert refused.value.rule == "access.approval"
    assert not ledger.log


@pytest.mark.rule("training.before-use")
def test_nobody_trains_themselves(ledger: AccessLedger, clock: SetClock) -> None:
    with pytest.raises(RefusedError, match="trains themselves"):
        record_training(ledger, clock, trained(ANALYST, NOW, trained_by=ANALYST))
    assert not ledger.log


def test_dates_turned_round_are_refused(ledger: AccessLedger, clock: SetClock) -> None:
    backwards = {"from_at": NOW, "until_at": NOW - timedelta(days=1)}
    with pytest.raises(RefusedError, match="end must come after"):
        authorize(ledger, clock, granted(ANALYST, NOW, **backwards))
    with pytest.raises(RefusedError, match="end must come after"):
        record_training(ledger, clock, trained(ANALYST, NOW, **backwards))
