"""Step 9 on the engine and the picture store: what is due goes, what is held stays, and nothing is certified untrue."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from platestream.errors import IntegrityError, TransientError
from platestream.retention import destroyed_at, first_kept
from schemas.codec import Codec
from schemas.plates import read_id
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from sinks.pictures.store import day_of
from sinks.retention.places import DAY_TABLES
from sinks.retention.tables import DayTable
from streams.ledger.holding import DestructionCertified, DestructionStarted, HoldEnded
from tests.holding import by_plate, changed_hold
from tests.retaining import IMPATIENT, Retained
from tests.storing import NOW, a_read

OLD = NOW - timedelta(days=1, hours=1)
PLATE = Named(plates=("ABC123",))


@pytest.fixture
def retained(store: Store, codec: Codec, tmp_path: Path) -> Iterator[Retained]:
    yield Retained(store, codec, tmp_path / "home")


def ids(*events: int | str) -> set[UUID]:
    return {read_id("gate-1", str(event)) for event in events}


def certificates(retained: Retained) -> list[DestructionCertified]:
    return [body for body in retained.bodies() if isinstance(body, DestructionCertified)]


@pytest.mark.rule("retention.sixty-days")
def test_a_day_goes_whole_at_its_midnight_and_not_a_moment_before(retained: Retained) -> None:
    old, young = retained.insert_with_picture(1, collected_at=OLD), retained.insert_with_picture(2, collected_at=NOW)
    retained.clock.at = destroyed_at(OLD, 60) - timedelta(milliseconds=1)
    retained.sweeper().sweep()
    assert retained.stored() == ids(1, 2)
    retained.clock.at = destroyed_at(OLD, 60)
    assert retained.sweeper().sweep()
    assert retained.stored() == {young.read_id}
    assert retained.pictures.count(day_of(old.collected_at)).is_empty
    assert not retained.pictures.count(day_of(young.collected_at)).is_empty
    certificate = certificates(retained)[-1]
    assert certificate.collected_before == first_kept(retained.clock.now(), 60)
    destroyed = {place.place: place.destroyed for place in certificate.places}
    assert destroyed == dict.fromkeys(destroyed, 0) | {"clickhouse.reads": 1, "pictures": 2}


def test_a_sweep_without_anything_due_writes_nothing_after_the_day_is_certified(retained: Retained) -> None:
    retained.insert(a_read(1))
    assert retained.sweeper().sweep()
    written = len(retained.log)
    assert not retained.sweeper().sweep()
    assert len(retained.log) == written


def test_a_read_that_slipped_in_late_is_gone_with_the_next_sweep(retained: Retained) -> None:
    retained.advance(61)
    retained.sweeper().sweep()
    retained.insert(a_read(1))
    assert retained.sweeper().sweep()
    assert retained.stored() == set()
    assert len(certificates(retained)) == 2


@pytest.mark.rule("retention.sixty-days")
def test_a_held_read_and_its_picture_are_left_in_the_hold_alone(retained: Retained) -> None:
    retained.insert_with_picture(1)
    retained.insert_with_picture(2, plate="KLM015")
    hold = retained.open_hold(by_plate(NOW), PLATE, attested_until=NOW + timedelta(days=300))
    retained.advance(61)
    retained.sweeper().sweep()
    assert retained.stored() == set()
    assert retained.held(hold) == ids(1)
    assert retained.keeper.count(hold).picture_count == 1
    assert certificates(retained)[-1].held_reads == 1


def test_a_hold_opened_at_the_moment_of_a_sweep_is_kept_if_the_ledger_has_it_first(retained: Retained) -> None:
    """The start of the sweep is an event, so one of the two is first: nobody can find both."""
    retained.insert(a_read(1), a_read(2, plate="KLM015"))
    retained.advance(61)
    sweeper, holds = retained.sweeper(), list[UUID]()
    append = retained.ledger.append

    def append_between(event):  # type: ignore[no-untyped-def]
        if event.kind == DestructionStarted.kind:
            holds.append(retained.open_hold(by_plate(NOW), PLATE))
            offset = append(event)
            holds.append(retained.open_hold(by_plate(NOW), Named(plates=("KLM015",))))
            return offset
        return append(event)

    retained.ledger.append = append_between  # type: ignore[method-assign]
    sweeper.sweep()
    retained.follow()
    assert retained.held(holds[0]) == ids(1)
    assert retained.held(holds[1]) == set()
    assert retained.stored() == set()


@pytest.mark.rule("retention.inactive")
def test_an_investigation_that_is_over_goes_on_the_date_of_its_schedule(retained: Retained) -> None:
    retained.insert_with_picture(1)
    hold = retained.open_hold(by_plate(NOW), PLATE)
    other = retained.open_hold(by_plate(NOW), PLATE, attested_until=NOW + timedelta(days=300))
    retained.follow()
    retained.acts.change(changed_hold(hold, "inactive", destroy_at=NOW + timedelta(days=100)))
    retained.advance(99)
    retained.sweeper().sweep()
    assert retained.held(hold) == retained.held(other) == ids(1)
    retained.advance(1)
    retained.sweeper().sweep()
    assert retained.held(hold) == set()
    assert retained.pictures.count(hold).is_empty
    assert retained.held(other) == ids(1)
    assert retained.keeper.count(other).picture_count == 1
    ended = [body for body in retained.bodies() if isinstance(body, HoldEnded)]
    assert [(body.hold_id, body.read_count, body.picture_count) for body in ended] == [(hold, 1, 1)]
    assert set(retained.ledger.replay_all().holds) == {other}


@pytest.mark.rule("retention.exculpatory")
def test_what_someone_charged_asked_for_goes_after_the_disposition(retained: Retained) -> None:
    retained.insert(a_read(1))
    hold = retained.open_hold(by_plate(NOW), PLATE, hold_kind="exculpatory")
    retained.advance(200)
    retained.sweeper().sweep()
    assert retained.held(hold) == ids(1)
    retained.acts.change(changed_hold(hold, "disposed"))
    retained.sweeper().sweep()
    assert retained.held(hold) == retained.stored() == set()


def test_after_a_disposition_what_is_not_due_stays_where_all_reads_are(retained: Retained) -> None:
    retained.insert(a_read(1))
    hold = retained.open_hold(by_plate(NOW), PLATE, hold_kind="exculpatory")
    retained.follow()
    retained.acts.change(changed_hold(hold, "disposed"))
    retained.sweeper().sweep()
    assert retained.held(hold) == set()
    assert retained.stored() == ids(1)


def test_a_read_that_comes_while_a_sweep_is_under_way_is_held_before_it_goes(
    retained: Retained, monkeypatch: pytest.MonkeyPatch
) -> None:
    retained.insert(a_read(1))
    hold = retained.open_hold(by_plate(NOW), PLATE, attested_until=NOW + timedelta(days=300))
    retained.advance(61)
    copy_due, late = retained.keeper.copy_due, [a_read(2)]

    def copy_and_insert(*arguments):  # type: ignore[no-untyped-def]
        copy_due(*arguments)
        while late:
            retained.insert(late.pop())

    monkeypatch.setattr(retained.keeper, "copy_due", copy_and_insert)
    retained.sweeper().sweep()
    assert retained.held(hold) == ids(1, 2)
    assert retained.stored() == set()


def test_detached_and_replaced_parts_are_found_and_destroyed(retained: Retained) -> None:
    client = retained.store.client()
    retained.insert(a_read(1), a_read(2, plate="KLM015"))
    retained.insert(a_read(3))
    client.command("OPTIMIZE TABLE reads FINAL")
    client.command(f"ALTER TABLE reads DETACH PARTITION '{a_read(1).collected_at.date()}'")
    retained.advance(61)
    reads = place(retained, "clickhouse.reads")
    assert reads.due(retained.clock.now())
    retained.sweeper().sweep()
    assert reads.due(retained.clock.now()) == 0
    assert retained.ask("SELECT name FROM system.detached_parts") == []
    assert retained.store.folder
    found = [file for file in retained.store.folder.rglob("*") if file.is_file() and b"KLM015" in file.read_bytes()]
    assert not found


def test_a_part_that_is_merged_while_it_is_dropped_goes_with_the_next_turn(
    retained: Retained, monkeypatch: pytest.MonkeyPatch
) -> None:
    retained.insert(a_read(1))
    retained.insert(a_read(2))
    reads, before, ask = place(retained, "clickhouse.reads"), NOW + timedelta(days=1), DayTable._ask

    def ask_and_merge(table, question, **parameters):  # type: ignore[no-untyped-def]
        found = ask(table, question, **parameters)
        retained.store.client().command("OPTIMIZE TABLE reads FINAL")
        return found

    reads.mark(before)
    with monkeypatch.context() as patched:
        patched.setattr(DayTable, "_ask", ask_and_merge)
        reads.destroy(before)
    assert retained.stored() == ids(1, 2)
    reads.mark(before)
    reads.destroy(before)
    assert retained.stored() == set()


def place(retained: Retained, name: str):  # type: ignore[no-untyped-def]
    return next(place for place in retained.places if place.name == name)


@pytest.mark.parametrize("table", sorted(DAY_TABLES))
def test_every_day_table_is_counted_and_emptied_by_the_same_predicate(retained: Retained, table: str) -> None:
    identity, time = DAY_TABLES[table]
    columns = ", ".join(dict.fromkeys([time, *identity.strip("()").split(", ")]))
    values = {time: "toDateTime({at:String}, 'UTC')", "read_id": "generateUUIDv4()", "alert_id": "generateUUIDv4()"}
    rows = f"INSERT INTO {table} ({columns}) SELECT {', '.join(values.get(name, '1') for name in columns.split(', '))}"
    for at in (OLD, NOW):
        retained.store.client().command(rows, parameters={"at": at.strftime("%Y-%m-%d %H:%M:%S")})
    found = DayTable(store=retained.store, table=table, identity=identity, time=time)
    before = destroyed_at(OLD, 1)
    oldest = found.oldest()
    assert oldest and abs(oldest - OLD) < timedelta(seconds=1)
    assert found.due(before) == 1
    found.destroy(before)
    assert found.due(before) == 1, "it was not marked"
    found.mark(before)
    found.destroy(before)
    assert found.due(before) == 0
    assert found.due(NOW + timedelta(days=3)) == 1


def test_the_spool_of_this_machine_is_looked_into_while_no_collector_runs(retained: Retained) -> None:
    from streams.devices.spool import Record, Spool

    spool = Spool(retained.home / "spool", 10**9)
    spool.put([Record(topic="plate-reads", key=b"k", value=b"v", collected_at=OLD)]).result()
    look = place(retained, "spool")
    assert look.due(NOW) == 0, "its collector has it"
    spool.close()
    assert look.due(NOW) == 1
    assert look.oldest() and abs(look.oldest() - OLD) < timedelta(seconds=1)
    assert look.due(OLD) == 0


class Stubborn:
    """A place in which `left` survive, whatever is done."""

    name, method = "stubborn", "nothing helps"

    def __init__(self, left: int | None) -> None:
        self.left = left

    def due(self, before: datetime) -> int | None:
        return self.left

    def mark(self, before: datetime) -> None:
        pass

    def destroy(self, before: datetime) -> None:
        pass

    def oldest(self) -> datetime | None:
        return None


@pytest.mark.rule("retention.sixty-days")
def test_survivors_stop_everything_and_nothing_is_certified(retained: Retained) -> None:
    retained.places = [*retained.places, Stubborn(3)]
    with pytest.raises(IntegrityError, match="survive in stubborn; the sweep destroyed nothing in stubborn"):
        retained.sweeper(IMPATIENT).sweep()
    assert certificates(retained) == []


def test_what_is_not_known_is_not_zero(retained: Retained) -> None:
    retained.insert(a_read(1))
    retained.advance(61)
    unknown = Stubborn(None)
    retained.places = [*retained.places, unknown]
    with pytest.raises(TransientError, match="Nobody knows what is left in stubborn"):
        retained.sweeper(IMPATIENT).sweep()
    assert retained.stored() == set(), "what is known is destroyed all the same"
    assert certificates(retained) == []
    unknown.left = 0
    assert not retained.sweeper().sweep()
    assert [place.destroyed for place in certificates(retained)[0].places if place.place == "stubborn"] == [None]


def test_a_sweep_that_was_cut_off_is_finished_with_the_counts_it_began_with(retained: Retained) -> None:
    retained.insert_with_picture(1)
    hold = retained.open_hold(by_plate(NOW), PLATE)
    retained.follow()
    retained.acts.change(changed_hold(hold, "inactive", destroy_at=NOW))
    retained.advance(61)

    class Cut(BaseException):
        pass

    for at in range(20):
        calls = iter(range(1000))

        def cut_at(call, *arguments, at=at, calls=calls):  # type: ignore[no-untyped-def]
            if next(calls) == at:
                raise Cut
            return call(*arguments)

        try:
            _cut_everywhere(retained, cut_at)
            retained.sweeper().sweep()
        except Cut:
            retained.restart()
            continue
        break
    retained.restart()
    certificate = certificates(retained)[0]
    destroyed = {place.place: place.destroyed for place in certificate.places}
    assert destroyed["clickhouse.reads"] == 1
    assert destroyed["pictures"] == 2
    assert [body.read_count for body in retained.bodies() if isinstance(body, HoldEnded)] == [1]
    assert retained.stored() == retained.held(hold) == set()
    assert not retained.sweeper().sweep()


def _cut_everywhere(retained: Retained, cut):  # type: ignore[no-untyped-def]
    """Let `cut` come before each act of a sweep."""
    destroy = retained.keeper.destroy
    retained.keeper.destroy = lambda hold_id: cut(destroy, hold_id)  # type: ignore[method-assign]
    retained.places = [_Cut(place, cut) for place in retained.places]
    append = type(retained.ledger).append
    retained.ledger.append = lambda event: cut(append, retained.ledger, event)  # type: ignore[method-assign]


class _Cut:
    def __init__(self, place, cut):  # type: ignore[no-untyped-def]
        self._place, self._cut = place, cut
        self.name, self.method, self.due = place.name, place.method, place.due
        self.mark, self.oldest = place.mark, place.oldest

    def destroy(self, before: datetime) -> None:
        self._cut(self._place.destroy, before)
