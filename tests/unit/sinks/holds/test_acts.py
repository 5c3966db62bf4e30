"""What people may do to holds, and what the ledger then says of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from platestream.clock import SetClock
from platestream.errors import RefusedError
from platestream.settings import RetentionSettings, Settings
from schemas.codec import Codec
from sinks.holds.acts import HoldActs, HoldKey, Named
from sinks.holds.state import Hold, HoldsState, fold_holds
from streams.ledger.events import new_event
from streams.ledger.holding import ByArea, ByReads, HoldEnded, Point, Polygon
from streams.ledger.memory import MemoryLedger
from tests.holding import by_plate, changed_hold, hold_acts, opened_hold

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = timedelta(days=30)
PLATE = Named(plates=("KLM0I5",))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, retention=RetentionSettings(attestation_days=100))


@pytest.fixture
def ledger(codec: Codec) -> MemoryLedger[HoldsState]:
    return MemoryLedger(codec, fold_holds, HoldsState())


@pytest.fixture
def acts(settings: Settings, ledger: MemoryLedger[HoldsState]) -> HoldActs:
    return hold_acts(settings, ledger, SetClock(NOW))


@pytest.fixture
def hold(acts: HoldActs, ledger: MemoryLedger[HoldsState]) -> Callable[[], Hold]:
    """The hold of a test, as the ledger has it at the moment of asking."""
    opened = opened_hold(by_plate(NOW), NOW)
    acts.open(opened, PLATE)
    return lambda: ledger.replay_all().holds[opened.hold_id]


@pytest.mark.rule("evidence.copy")
def test_what_a_hold_names_is_sealed_and_storage_alone_opens_it(
    settings: Settings, hold: Callable[[], Hold], ledger: MemoryLedger[HoldsState]
) -> None:
    assert HoldKey(settings).named_by(hold()) == Named(plates=("KLM015",))
    assert not [event for event in ledger.log if b"KLM015" in event or b"KLM0I5" in event]


@pytest.mark.rule("retention.inactive")
def test_an_investigation_is_active_then_inactive_then_due_by_its_schedule(
    acts: HoldActs, hold: Callable[[], Hold]
) -> None:
    assert hold().takes_reads(NOW)
    assert hold().is_active_investigation(NOW)
    acts.change(changed_hold(hold().id, "inactive", destroy_at=NOW + 10 * DAY))
    assert not hold().takes_reads(NOW)
    assert not hold().is_active_investigation(NOW)
    assert not hold().is_due(NOW + 10 * DAY - timedelta(seconds=1), GRACE)
    assert hold().is_due(NOW + 10 * DAY, GRACE)


@pytest.mark.rule("retention.inactive")
def test_an_investigation_that_nobody_attests_lapses_and_is_due_after_its_grace(hold: Callable[[], Hold]) -> None:
    end = hold().attested_until
    assert not hold().is_lapsed(end - timedelta(seconds=1))
    assert hold().is_lapsed(end)
    assert not hold().takes_reads(end)
    assert not hold().is_due(end + GRACE - timedelta(seconds=1), GRACE)
    assert hold().is_due(end + GRACE, GRACE)


def test_an_attestation_makes_an_investigation_active_again(acts: HoldActs, hold: Callable[[], Hold]) -> None:
    acts.change(changed_hold(hold().id, "inactive", destroy_at=NOW))
    acts.change(changed_hold(hold().id, "attested", attested_until=NOW + 20 * DAY))
    assert hold().takes_reads(NOW)
    assert not hold().is_due(NOW + 19 * DAY, GRACE)


@pytest.mark.rule("retention.exculpatory")
def test_what_someone_charged_asked_for_stands_until_the_disposition(
    acts: HoldActs, ledger: MemoryLedger[HoldsState]
) -> None:
    opened = opened_hold(by_plate(NOW), NOW, hold_kind="exculpatory")
    acts.open(opened, PLATE)
    long_after = opened.attested_until + 1000 * DAY
    assert ledger.replay_all().holds[opened.hold_id].is_lapsed(long_after)
    assert ledger.replay_all().holds[opened.hold_id].takes_reads(long_after)
    assert not ledger.replay_all().holds[opened.hold_id].is_due(long_after, GRACE)
    assert not ledger.replay_all().holds[opened.hold_id].is_active_investigation(NOW)
    acts.change(changed_hold(opened.hold_id, "disposed"))
    assert not ledger.replay_all().holds[opened.hold_id].takes_reads(NOW)
    assert ledger.replay_all().holds[opened.hold_id].is_due(NOW, GRACE)
    with pytest.raises(RefusedError, match="open a new hold"):
        acts.change(changed_hold(opened.hold_id, "attested", attested_until=NOW + DAY))


def test_a_hold_that_ended_is_gone_from_the_state(hold: Callable[[], Hold], ledger: MemoryLedger[HoldsState]) -> None:
    ended = HoldEnded(hold_id=hold().id, read_count=1, picture_count=0, method="partition dropped")
    ledger.append(new_event(ended, at=NOW, actor_id="storage", subject_id=str(ended.hold_id)))
    assert not ledger.replay_all().holds


def test_each_kind_of_hold_ends_in_its_own_way(acts: HoldActs, hold: Callable[[], Hold]) -> None:
    exculpatory = opened_hold(by_plate(NOW), NOW, hold_kind="exculpatory")
    acts.open(exculpatory, PLATE)
    with pytest.raises(RefusedError, match="retention schedule"):
        acts.change(changed_hold(hold().id, "disposed"))
    with pytest.raises(RefusedError, match="disposition"):
        acts.change(changed_hold(exculpatory.hold_id, "inactive", destroy_at=NOW))
    with pytest.raises(RefusedError, match="No hold"):
        acts.change(changed_hold(uuid4(), "disposed"))


def test_what_cannot_be_a_hold_is_refused_with_its_reason(acts: HoldActs, hold: Callable[[], Hold]) -> None:
    with pytest.raises(RefusedError, match="names no plate"):
        acts.open(opened_hold(by_plate(NOW), NOW))
    with pytest.raises(RefusedError, match="does not use"):
        acts.open(opened_hold(by_plate(NOW), NOW), Named(plates=("KLM015",), read_ids=(uuid4(),)))
    with pytest.raises(RefusedError, match="as many reads"):
        acts.open(opened_hold(ByReads(read_count=2), NOW), Named(read_ids=(uuid4(),)))
    with pytest.raises(RefusedError, match="within 100 days"):
        acts.open(opened_hold(by_plate(NOW), NOW, attested_until=NOW + 101 * DAY), PLATE)
    with pytest.raises(RefusedError, match="not in the past"):
        acts.open(opened_hold(by_plate(NOW), NOW, attested_until=NOW), PLATE)
    with pytest.raises(RefusedError, match="open already"):
        acts.open(opened_hold(by_plate(NOW), NOW, hold_id=hold().id), PLATE)
    with pytest.raises(ValidationError):
        opened_hold(by_plate(NOW), NOW, hold_kind="curiosity")


def test_a_polygon_without_area_is_refused(acts: HoldActs, ledger: MemoryLedger[HoldsState]) -> None:
    line = Polygon(points=tuple(Point(latitude=44.9 + step, longitude=-93.1 + step) for step in (0, 0.1, 0.2)))
    area = ByArea(area=line, collected_from=NOW - timedelta(days=1), collected_until=NOW)
    with pytest.raises(RefusedError, match="encloses no area"):
        acts.open(opened_hold(area, NOW), Named())
    assert not ledger.log
