"""Step 7 on the engine: what a hold is about is copied, once, however often and whenever it is looked for."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.messages import PictureKind, PictureReference, PlateRead
from schemas.plates import read_id
from sinks.clickhouse.store import Store
from sinks.holds import keeping
from sinks.holds.acts import Named
from sinks.holds.matching import condition_of, matches, metres_between
from sinks.pictures.held import StoredAs, fetch_picture
from streams.ledger.holding import ByArea, ByPlate, ByReaders, ByReads, Circle, Point, Polygon, Selection
from tests.holding import by_plate, changed_hold
from tests.retaining import Retained
from tests.storing import NOW, a_picture, a_read

HOUR = timedelta(hours=1)
EXAMPLES = 300 if os.environ.get("PLATESTREAM_SOAK") else 10
SPAN = {"collected_from": NOW - timedelta(days=3), "collected_until": NOW + timedelta(days=3)}
TOWN = Circle(latitude=44.95, longitude=-93.09, radius_metres=2000)
SQUARE = Polygon(
    points=tuple(
        Point(latitude=latitude, longitude=longitude)
        for latitude, longitude in ((44.9, -93.1), (45.0, -93.1), (45.0, -93.0), (44.9, -93.0))
    )
)


@pytest.fixture
def retained(store: Store, codec: Codec, tmp_path: Path) -> Iterator[Retained]:
    yield Retained(store, codec, tmp_path / "home")


def ids(*events: int | str) -> set[UUID]:
    return {read_id("gate-1", str(event)) for event in events}


@pytest.mark.rule("evidence.copy")
@pytest.mark.parametrize(
    ("selection", "named", "taken"),
    [
        (by_plate(NOW), Named(plates=("ABCI23",)), ids(1, 2)),
        (ByReaders(device_ids=("gate-2",), **SPAN), Named(), ids(3)),
        (ByArea(area=TOWN, **SPAN), Named(), ids(1, 2, 3)),
        (ByArea(area=SQUARE, **SPAN), Named(), ids(1, 2, 3)),
        (ByReads(read_count=2), Named(read_ids=tuple(ids(1, 5))), ids(1, 5)),
    ],
    ids=["plate", "readers", "circle", "polygon", "reads"],
)
def test_a_hold_takes_what_it_is_about_and_nothing_else(
    retained: Retained, selection: Selection, named: Named, taken: set[UUID]
) -> None:
    retained.insert(
        a_read(1),
        a_read(2, plate="ABC123", collected_at=NOW - 50 * HOUR),
        a_read(3, plate="KLM015", device_id="gate-2"),
        a_read(4, plate="KLM015", device_id="gate-2", collected_at=NOW - timedelta(days=5)),
        a_read(5, plate="KLM015", latitude=46.8, longitude=-92.1),
    )
    hold = retained.open_hold(selection, named)
    retained.follow()
    assert retained.held(hold) == taken


def test_later_reads_follow_and_repeats_change_nothing(retained: Retained) -> None:
    retained.insert(a_read(1), a_read(1))
    hold = retained.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
    for _ in range(3):
        retained.follow()
        retained.insert(a_read(1), a_read(2))
    retained.follow()
    assert retained.held(hold) == ids(1, 2)
    retained.restart()
    retained.insert(a_read(3), a_read(4, plate="KLM015"))
    retained.follow()
    assert retained.held(hold) == ids(1, 2, 3)


@pytest.mark.rule("evidence.copy")
def test_many_holds_on_plates_take_turns_and_none_is_forgotten(
    retained: Retained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_MOST_A_ROUND", 2)
    plates = [f"KLM{number}" for number in range(5)]
    holds = [retained.open_hold(by_plate(NOW), Named(plates=(plate,))) for plate in plates]
    by_reader = retained.open_hold(ByReaders(device_ids=("gate-1",), **SPAN), Named())
    retained.follow()
    for round_ in range(2):
        events = [f"{plate}-{round_}" for plate in plates]
        retained.insert(*[a_read(event, plate=plate) for event, plate in zip(events, plates, strict=True)])
        have = []
        for _ in range(3):
            retained.follow()
            have.append(sum(ids(event) <= retained.held(hold) for event, hold in zip(events, holds, strict=True)))
            assert ids(*events) <= retained.held(by_reader)
        assert have == [2, 4, 5]


@pytest.mark.rule("retention.suppressed")
def test_a_suppressed_plate_waits_for_no_turn(retained: Retained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_MOST_A_ROUND", 0)
    hold, other = (retained.open_hold(by_plate(NOW), Named(plates=(plate,))) for plate in ("KLM015", "ABC123"))
    retained.follow()
    retained.insert(a_read(1, plate="KLM015"), a_read(2))
    retained.follow()
    assert retained.held(hold) | retained.held(other) == set()
    retained.suppressed.folded = {b"KLM015"}
    retained.insert(a_read(3, plate="KLM015"))
    retained.follow()
    assert (retained.held(hold), retained.held(other)) == (ids(1, 3), set())
    assert retained.stored() == ids(2)


def test_a_hold_that_is_over_takes_nothing_more_and_one_attested_again_catches_up(retained: Retained) -> None:
    retained.insert(a_read(1))
    hold = retained.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
    retained.follow()
    retained.acts.change(changed_hold(hold, "inactive", destroy_at=NOW + timedelta(days=300)))
    retained.insert(a_read(2))
    retained.follow()
    retained.follow()
    assert retained.held(hold) == ids(1)
    retained.acts.change(changed_hold(hold, "attested", attested_until=NOW + timedelta(days=30)))
    retained.follow()
    assert retained.held(hold) == ids(1, 2)


@pytest.mark.rule("evidence.copy")
def test_pictures_are_held_with_their_hash_also_when_they_come_later(retained: Retained) -> None:
    early = retained.insert_with_picture(1)
    hold = retained.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
    late_picture = a_picture(2)
    late = a_read(2, pictures=(PictureReference(sha256=late_picture.sha256, kind=late_picture.kind),))
    retained.insert(late)
    retained.follow()
    assert retained.keeper.count(hold).picture_count == 1
    retained.put(late_picture)
    retained.follow()
    assert retained.keeper.count(hold).picture_count == 2
    for read in (early, late):
        kept = StoredAs(
            day=NOW.date(), read_id=read.read_id, kind=PictureKind.PLATE, sha256=read.pictures[0].sha256, holds=(hold,)
        )
        assert fetch_picture(retained.pictures, kept).media_type == "image/jpeg"


@pytest.mark.rule("evidence.copy")
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=2)])
def test_a_read_of_a_clock_that_is_ahead_has_its_picture_before_the_sweep_of_a_suppressed_plate(
    retained: Retained, ahead: timedelta
) -> None:
    hold = retained.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
    retained.follow()
    retained.suppressed.folded = {b"ABC123"}
    read = retained.insert_with_picture(1, collected_at=retained.clock.now() + ahead)
    retained.follow()
    assert retained.stored() == set()
    assert retained.held(hold) == {read.read_id}
    assert retained.keeper.count(hold).picture_count == 1


def test_every_held_read_has_the_hash_of_what_the_reader_sent(retained: Retained) -> None:
    retained.insert(a_read(1))
    one = retained.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
    other = retained.open_hold(ByReaders(device_ids=("gate-1",), **SPAN))
    retained.follow()
    hashes = retained.ask("SELECT hold_id, hex(read_sha256) FROM held_reads")
    assert {hold for hold, _ in hashes} == {one, other}
    assert len({sha256 for _, sha256 in hashes}) == 1
    assert hashes[0][1] != "00" * 32


PLACES = st.tuples(st.floats(44.5, 45.5), st.floats(-93.5, -92.5))
SPANS = st.tuples(st.integers(-96, 96), st.integers(1, 96)).map(
    lambda hours: {"collected_from": NOW + hours[0] * HOUR, "collected_until": NOW + (hours[0] + hours[1]) * HOUR}
)
SELECTIONS = st.one_of(
    SPANS.map(lambda span: ByPlate(**span)),
    st.tuples(SPANS, st.sets(st.sampled_from(["gate-1", "gate-2"]), min_size=1)).map(
        lambda drawn: ByReaders(device_ids=tuple(drawn[1]), **drawn[0])
    ),
    st.tuples(SPANS, PLACES, st.floats(100, 40_000)).map(
        lambda drawn: ByArea(
            area=Circle(latitude=drawn[1][0], longitude=drawn[1][1], radius_metres=drawn[2]), **drawn[0]
        )
    ),
    st.tuples(SPANS, st.lists(PLACES, min_size=3, max_size=3, unique=True)).map(
        lambda drawn: ByArea(
            area=Polygon(points=tuple(Point(latitude=at[0], longitude=at[1]) for at in drawn[1])), **drawn[0]
        )
    ),
    st.just(ByReads(read_count=2)),
)
READS = st.lists(
    st.tuples(st.sampled_from(["ABC123", "ABCI23", "KLM015"]), st.integers(-97, 97), PLACES, st.booleans()),
    min_size=1,
    max_size=20,
)
NAMED = {"plate": Named(plates=("ABC123",)), "reads": Named(read_ids=tuple(ids(0, 2)))}


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES)
@given(SELECTIONS, READS)
def test_condition_and_rule_give_the_same_answer(
    retained: Retained, selection: Selection, drawn: list[tuple[str, int, tuple[float, float], bool]]
) -> None:
    is_polygon = isinstance(selection, ByArea) and isinstance(selection.area, Polygon)
    assume(not is_polygon or selection.area.square_degrees() > 1e-9)  # another is refused when a hold is opened
    reads = [
        a_read(
            number,
            plate=plate,
            collected_at=NOW + hours * HOUR,
            latitude=place[0],
            longitude=place[1],
            device_id="gate-2" if is_other else "gate-1",
        )
        for number, (plate, hours, place, is_other) in enumerate(drawn)
    ]
    retained.store.client().command("TRUNCATE TABLE reads")
    retained.insert(*reads)
    named = NAMED.get(selection.by, Named())
    condition = condition_of(selection, named)
    found = {id_ for (id_,) in retained.ask(f"SELECT read_id FROM reads WHERE {condition.sql}", **condition.parameters)}
    assert found == {read.read_id for read in reads if matches(selection, named, read)} or _is_on_the_edge(
        selection, reads
    )


def _is_on_the_edge(selection: Selection, reads: list[PlateRead]) -> bool:
    """Formulas for distances on the globe differ by half a percent; those for lines in their last digits."""
    if not isinstance(selection, ByArea):
        return False
    if isinstance(selection.area, Polygon):
        corners = selection.area.points
        sides = list(zip(corners, [*corners[1:], corners[0]], strict=True))
        places = [Point(latitude=read.latitude, longitude=read.longitude) for read in reads]
        return any(Polygon(points=(*side, place)).square_degrees() < 1e-9 for side in sides for place in places)
    limits = (selection.area.radius_metres * 0.995, selection.area.radius_metres * 1.005)
    metres = [metres_between(selection.area, Point(latitude=read.latitude, longitude=read.longitude)) for read in reads]
    return any(limits[0] <= at <= limits[1] for at in metres)
