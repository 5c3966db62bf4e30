"""What comes of a suppressed plate is never stored, unless an active investigation stood in the ledger before it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from schemas.codec import Codec
from schemas.messages import Alert, Picture, PlateRead
from schemas.plates import read_id
from sinks.clickhouse.sink import alerts_keeper, reads_keeper
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from sinks.holds.investigations import Withholding
from sinks.pictures.sink import PictureKeeper
from sinks.pictures.store import day_of
from streams.ledger.holding import ByArea, ByReaders, ByReads, Circle, Selection
from tests.holding import by_plate, changed_hold
from tests.retaining import Retained
from tests.storing import NOW, a_picture, a_read, an_alert, messages_of

SUPPRESSED, OTHER = "KLM015", "ABC123"
SPAN = {"collected_from": NOW - timedelta(days=3), "collected_until": NOW + timedelta(days=3)}
EVENTS = {1: SUPPRESSED, 2: OTHER, 3: "KLMOI5"}


@pytest.fixture
def retained(store: Store, codec: Codec, tmp_path: Path) -> Iterator[Retained]:
    retained = Retained(store, codec, tmp_path / "home")
    retained.suppressed.folded = {SUPPRESSED.encode()}
    yield retained


def ids(*events: int) -> set[UUID]:
    return {read_id("gate-1", str(event)) for event in events}


def withholding(retained: Retained) -> Withholding:
    return Withholding(retained.settings, retained.suppressed, retained.ledger, retained.clock)


def keep_reads(retained: Retained, *reads: PlateRead) -> None:
    keeper = reads_keeper(retained.store, retained.codec, retained.clock, 60, withholding(retained))
    piece, refused = keeper.sort(messages_of(retained.codec, *reads))
    assert refused == []
    keeper.keep([piece])


def keep_alerts(retained: Retained, *alerts: Alert) -> None:
    keeper = alerts_keeper(retained.store, retained.codec, retained.clock, 60, withholding(retained))
    piece, _ = keeper.sort(messages_of(retained.codec, *alerts))
    keeper.keep([piece])


def keep_pictures(retained: Retained, *pictures: Picture) -> set[UUID]:
    """Which of the reads have a picture then."""
    settings, store = retained.settings, retained.pictures
    keeper = PictureKeeper(settings, store, retained.codec, retained.clock, withholding(retained))
    piece, _ = keeper.sort(messages_of(retained.codec, *pictures))
    keeper.keep([piece])
    return {read for day in {day_of(one.collected_at) for one in pictures} for read, _ in store.listed(day)}


def blanked(retained: Retained) -> set[UUID]:
    return {id_ for (id_,) in retained.ask("SELECT read_id FROM blanked_reads")}


@pytest.mark.rule("retention.suppressed")
@pytest.mark.parametrize(
    ("selection", "named", "kept"),
    [
        (by_plate(NOW), Named(plates=(SUPPRESSED,)), ids(1, 3)),
        (by_plate(NOW), Named(plates=(OTHER,)), ids()),
        (ByReads(read_count=1), Named(read_ids=tuple(ids(3))), ids(3)),
        (ByReaders(device_ids=("gate-2",), **SPAN), Named(), ids(3)),
        (ByArea(area=Circle(latitude=44.95, longitude=-93.09, radius_metres=100), **SPAN), Named(), ids(1)),
    ],
    ids=["plate", "another plate", "reads", "readers", "area"],
)
def test_a_read_is_stored_only_for_an_investigation_that_is_about_it(
    retained: Retained, selection: Selection, named: Named, kept: set[UUID]
) -> None:
    hold = retained.open_hold(selection, named)
    far = {"device_id": "gate-2", "latitude": 46.8}
    keep_reads(retained, *[a_read(e, plate=plate, **(far if e == 3 else {})) for e, plate in EVENTS.items()])
    assert retained.stored() == kept | ids(2)
    assert blanked(retained) == ids(1, 3) - kept
    retained.follow()
    assert retained.stored() == ids(2)
    assert retained.held(hold) >= kept


@pytest.mark.rule("retention.suppressed")
def test_an_exculpatory_hold_and_an_investigation_that_is_over_keep_nothing_of_it(retained: Retained) -> None:
    named = Named(plates=(SUPPRESSED,))
    retained.open_hold(by_plate(NOW), named, hold_kind="exculpatory")
    over = retained.open_hold(by_plate(NOW), named)
    retained.acts.change(changed_hold(over, "inactive", destroy_at=NOW + timedelta(days=300)))
    keep_reads(retained, a_read(1, plate=SUPPRESSED))
    assert (retained.stored(), blanked(retained)) == (ids(), ids(1))


@pytest.mark.rule("retention.suppressed")
def test_a_hold_opened_between_two_pieces_keeps_what_comes_after_it(retained: Retained) -> None:
    keep_reads(retained, a_read(1, plate=SUPPRESSED))
    hold = retained.open_hold(by_plate(NOW), Named(plates=(SUPPRESSED,)))
    keep_reads(retained, a_read(3, plate=SUPPRESSED))
    retained.follow()
    assert retained.held(hold) == ids(3)
    assert blanked(retained) == ids(1, 3)


@pytest.mark.rule("retention.suppressed")
def test_alerts_and_pictures_go_with_their_read(retained: Retained) -> None:
    alerts = [an_alert(event, plate=plate) for event, plate in EVENTS.items()]
    pictures = [a_picture(event, plate=plate) for event, plate in EVENTS.items()]
    keep_alerts(retained, *alerts)
    assert {id_ for (id_,) in retained.ask("SELECT read_id FROM alerts")} == ids(2)
    assert keep_pictures(retained, *pictures) == ids(2)
    retained.open_hold(ByReads(read_count=1), Named(read_ids=tuple(ids(3))))
    keep_alerts(retained, *alerts)
    assert {id_ for (id_,) in retained.ask("SELECT read_id FROM alerts")} == ids(2, 3)
    assert keep_pictures(retained, *pictures) == ids(2, 3)


def test_the_ledger_is_asked_only_when_a_suppressed_plate_comes_by(retained: Retained) -> None:
    retained.ledger.is_away = True
    keep_reads(retained, a_read(2, plate=OTHER))
    assert retained.stored() == ids(2)
