"""The tracking gate and what looks like misuse, as a person's searches come in one after the other."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.access.administration import act, act_on_plate, new_id
from gateway.access.limits import limits_of
from gateway.access.misuse import queue_of
from gateway.access.state import AccessState, Flag
from platestream.clock import SetClock
from platestream.errors import RefusedError
from platestream.settings import GatewaySettings
from streams.ledger.memory import MemoryLedger
from streams.ledger.people import RoleAssigned
from streams.ledger.purposes import FlagReviewed, StaffPlateNoted, TrackingEnded, TrackingPermitted
from streams.ledger.sealing import Seals
from tests.asking import (
    ADMINISTRATOR,
    ANALYST,
    CASE,
    COMMANDER,
    NOW,
    PLATE,
    MemoryReads,
    a_desk,
    let_in,
    plate_search,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORDS = "ramp alley garage school market station harbour bridge chapel quarry meadow orchard depot mill".split()


@dataclass
class Precinct:
    """A gateway's desk over a ledger in memory, and the people who ask."""

    ledger: MemoryLedger[AccessState]
    clock: SetClock
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    seals: Seals = field(default_factory=lambda: Seals([], bytes(32)))

    def ask(self, person_id: str = ANALYST, plate: str = PLATE, **changes: Any) -> str:
        """`allowed`, or the rule that refused."""
        desk = a_desk(self.ledger, MemoryReads(), self.clock, self.seals, self.settings)
        try:
            desk.ask(plate_search(self.clock.now(), person_id, plate=plate, **changes))
        except RefusedError as refused:
            return refused.rule
        return "allowed"

    def flags(self, detector: str) -> list[Flag]:
        return [flag for flag in self.ledger.replay_all().flags.values() if flag.flagged.detector == detector]

    def queue(self, reviewer_id: str) -> set[tuple[str, str]]:
        waiting = queue_of(self.ledger.replay_all(), reviewer_id)
        return {(flag.flagged.person_id, flag.flagged.detector) for flag in waiting}

    def permit(self, by: str = ADMINISTRATOR, person_id: str = ANALYST, **changes: Any) -> UUID:
        fields = {
            "permit_id": new_id(),
            "person_id": person_id,
            "case_number": CASE,
            "basis": "warrant",
            "warrant_number": "62-CR-26-100",
            "text": "Judge allows the stolen blue car to be followed",
            "until_at": self.clock.now() + 10 * DAY,
        }
        body = TrackingPermitted.model_validate(fields | changes)
        act_on_plate(self.ledger, self.clock, body, by=by, plate=PLATE, seals=self.seals)
        return body.permit_id


@pytest.fixture
def precinct(ledger: MemoryLedger[AccessState], clock: SetClock) -> Precinct:
    let_in(ledger, clock, until_at=NOW + 900 * DAY)
    let_in(ledger, clock, "analyst-8", until_at=NOW + 900 * DAY)
    return Precinct(ledger, clock)


@pytest.mark.rule("penalty.detect", "tracking.gate")
def test_the_228_searches_of_two_people_by_one_chief_in_four_months_under_false_reasons(precinct: Precinct) -> None:
    let_in(precinct.ledger, precinct.clock, "chief-9", until_at=NOW + 900 * DAY)
    act(precinct.ledger, precinct.clock, RoleAssigned(person_id="chief-9", role="commander"), by=COMMANDER, about="c")
    outcomes: list[str] = []
    for number in range(228):
        precinct.clock.advance(timedelta(hours=12.5))
        place, thing = WORDS[number % len(WORDS)], WORDS[number // len(WORDS) % len(WORDS)]
        outcomes.append(
            precinct.ask(
                "chief-9",
                plate=("HER123", "HIM456")[number % 2],
                case_number=f"26-{number:06d}",
                reason=f"Locate the suspicious car seen near the {place} and {thing}",
                factual_basis=f"A witness described it leaving the {place} towards the {thing}, lights off",
            )
        )
        if number == 12:  # the first week is over
            assert ("chief-9", "same-plate") in precinct.queue(ADMINISTRATOR)
    assert outcomes[:10] == ["allowed"] * 10
    assert outcomes[10] == "tracking.gate"
    assert outcomes.count("allowed") <= 2 * 5 * 5  # five of each plate in thirty days; four months are less than five
    assert ("chief-9", "same-plate") in precinct.queue(COMMANDER)
    assert precinct.queue("chief-9") == set()
    [first, *_] = sorted(precinct.flags("same-plate"), key=lambda flag: flag.at)
    assert first.at - NOW < timedelta(days=4)
    last = max(precinct.flags("same-plate"), key=lambda flag: flag.at)
    assert last.flagged.search_count > 100  # the refused ones are evidence, too


@pytest.mark.rule("tracking.gate")
def test_repeated_searches_of_a_plate_need_a_permit_whoever_asks(precinct: Precinct) -> None:
    assert [precinct.ask() for _ in range(5)] == ["allowed"] * 5
    assert precinct.ask() == "tracking.gate"
    assert precinct.ask("analyst-8") == "tracking.gate"
    assert precinct.ask(plate="KLMOI5") == "tracking.gate"  # the same plate in another spelling
    assert precinct.ask(plate="XYZ999") == "allowed"
    precinct.clock.advance(30 * DAY)
    assert precinct.ask() == "allowed"


@pytest.mark.rule("tracking.gate")
def test_a_permit_is_for_its_person_plate_case_and_time(precinct: Precinct) -> None:
    for _ in range(5):
        precinct.ask()
    permit_id = precinct.permit()
    assert precinct.ask() == "allowed"
    assert precinct.ask("analyst-8") == "tracking.gate"
    other = {"case_number": "26-054321", "factual_basis": "A witness saw its broken window this morning"}
    assert precinct.ask(**other) == "tracking.gate"
    precinct.clock.advance(10 * DAY - HOUR)
    assert precinct.ask() == "allowed"
    precinct.clock.advance(HOUR)
    assert precinct.ask() == "tracking.gate"
    precinct.permit()
    assert precinct.ask() == "allowed"
    for permit in precinct.ledger.replay_all().permits:
        ended = TrackingEnded(permit_id=permit.permitted.permit_id)
        act(precinct.ledger, precinct.clock, ended, by="anyone", about="x")
    assert precinct.ask() == "tracking.gate"
    assert permit_id


@pytest.mark.rule("tracking.gate")
def test_an_exigency_is_short_whatever_it_says(precinct: Precinct) -> None:
    for _ in range(5):
        precinct.ask()
    precinct.permit(basis="exigency", warrant_number=None, text="Armed suspect fled the hospital in it")
    assert precinct.ask() == "allowed"
    precinct.clock.advance(48 * HOUR)
    assert precinct.ask() == "tracking.gate"


@pytest.mark.rule("penalty.detect")
def test_one_case_and_reason_over_days_is_no_misuse(precinct: Precinct) -> None:
    for _ in range(4):
        assert precinct.ask() == "allowed"
        precinct.clock.advance(DAY)
    assert precinct.flags("same-plate") == []


@pytest.mark.rule("penalty.detect")
def test_a_search_outside_the_shift_is_flagged_in_local_time(precinct: Precinct) -> None:
    let_in(precinct.ledger, precinct.clock, "night-1", shift="22:00-06:00", until_at=NOW + 90 * DAY)
    assert precinct.clock.now().astimezone(limits_of(precinct.settings).time_zone).hour == 7
    precinct.ask("night-1")
    assert precinct.queue(COMMANDER) == {("night-1", "off-shift")}
    precinct.clock.at = datetime(2026, 3, 17, 8, tzinfo=NOW.tzinfo)  # 3 in the morning, a week later
    precinct.ask("night-1", plate="XYZ999")
    assert len(precinct.flags("off-shift")) == 1


@pytest.mark.rule("penalty.detect")
def test_very_many_searches_in_an_hour_are_flagged(precinct: Precinct) -> None:
    for number in range(29):
        precinct.ask(plate=f"AAA{number:03d}")
    assert precinct.flags("burst") == []
    precinct.ask(plate="BBB000")
    [flag] = precinct.flags("burst")
    assert (flag.flagged.search_count, flag.flagged.first_at) == (30, NOW)
    precinct.ask(plate="BBB001")
    assert len(precinct.flags("burst")) == 1


@pytest.mark.rule("penalty.detect", "query.log")
def test_a_case_that_nobody_registered_is_flagged_and_answered(precinct: Precinct) -> None:
    assert precinct.ask(case_number="26-099999") == "allowed"
    assert precinct.queue(ADMINISTRATOR) == {(ANALYST, "unknown-case")}
    assert precinct.ask(case_number="wrong") == "query.log"
    assert len(precinct.flags("unknown-case")) == 1


@pytest.mark.rule("penalty.detect")
def test_a_colleagues_plate_is_flagged_by_its_hash(precinct: Precinct) -> None:
    noted = StaffPlateNoted(person_id="analyst-8")
    act_on_plate(precinct.ledger, precinct.clock, noted, by=ADMINISTRATOR, plate="KLM-015", seals=precinct.seals)
    precinct.ask(plate="KLM0I5")
    assert precinct.queue(COMMANDER) == {(ANALYST, "staff-plate")}
    assert not any(b"KLM" in value for value in precinct.ledger.log)


@pytest.mark.rule("penalty.detect")
def test_a_flag_is_answered_by_another_person_and_never_by_the_one_concerned(precinct: Precinct) -> None:
    act(
        precinct.ledger,
        precinct.clock,
        RoleAssigned(person_id=ANALYST, role="lpr-administrator"),
        by=COMMANDER,
        about="x",
    )
    precinct.ask(case_number="26-099999")
    [flag] = precinct.flags("unknown-case")
    finding = FlagReviewed(flag_id=flag.flagged.flag_id, finding="in-order", text="The incident was opened at the desk")
    unknown = FlagReviewed(flag_id=uuid4(), finding="in-order", text="x")
    sentences = set()
    for body in (finding, unknown):
        with pytest.raises(RefusedError) as refused:
            act(precinct.ledger, precinct.clock, body, by=ANALYST, about="x")
        sentences.add(str(refused.value))
    assert len(sentences) == 1  # whether there is a flag cannot be told from the answer
    assert precinct.queue(ANALYST) == set()
    act(precinct.ledger, precinct.clock, finding, by=ADMINISTRATOR, about="x")
    assert precinct.queue(COMMANDER) == set()


def test_nobody_but_the_gateway_raises_flags(precinct: Precinct) -> None:
    precinct.ask(case_number="26-099999")
    [flag] = precinct.flags("unknown-case")
    forged = flag.flagged.model_copy(update={"flag_id": uuid4(), "person_id": "analyst-8"})
    with pytest.raises(RefusedError):
        act(precinct.ledger, precinct.clock, forged, by=ANALYST, about="x")
    assert precinct.queue(COMMANDER) == {(ANALYST, "unknown-case")}


def test_flags_are_in_the_ledger_before_the_answer(precinct: Precinct) -> None:
    precinct.ask(case_number="26-099999")
    kinds = [event.kind for event in precinct.ledger.events()][-4:]
    assert kinds == ["search-requested", "search-decided", "misuse-flagged", "search-answered"]
