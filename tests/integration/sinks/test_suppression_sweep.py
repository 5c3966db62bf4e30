"""What is stored of a plate goes once it is suppressed; only an active investigation may keep it, and nothing tells."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from schemas.codec import Codec
from schemas.messages import PictureKind
from schemas.plates import read_id
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from tests.holding import by_plate, changed_hold
from tests.retaining import Retained
from tests.storing import NOW

SUPPRESSED, OTHER = "KLM015", "ABC123"
NAMED = Named(plates=(SUPPRESSED,))


@pytest.fixture
def retained(store: Store, codec: Codec, tmp_path: Path) -> Iterator[Retained]:
    retained = Retained(store, codec, tmp_path / "home")
    retained.insert_with_picture(1, plate="KLM0I5")
    retained.insert_with_picture(2, plate=OTHER)
    yield retained


def ids(*events: int) -> set[UUID]:
    return {read_id("gate-1", str(event)) for event in events}


def has_picture(retained: Retained, event: int) -> bool:
    try:
        retained.pictures.read((NOW - timedelta(hours=1)).date(), read_id("gate-1", str(event)), PictureKind.PLATE)
    except FileNotFoundError:
        return False
    return True


@pytest.mark.rule("retention.suppressed")
def test_rows_and_pictures_of_a_suppressed_plate_go_and_the_counts_stay(retained: Retained) -> None:
    retained.suppressed.folded = {SUPPRESSED.encode()}
    retained.follow()
    assert retained.stored() == ids(2)
    assert not has_picture(retained, 1)
    assert has_picture(retained, 2)
    assert {id_ for (id_,) in retained.ask("SELECT read_id FROM blanked_reads")} == ids(1)


@pytest.mark.rule("retention.suppressed")
def test_an_active_investigation_keeps_it_and_no_other_hold_does(retained: Retained) -> None:
    investigation = retained.open_hold(by_plate(NOW), NAMED)
    exculpatory = retained.open_hold(by_plate(NOW), NAMED, hold_kind="exculpatory")
    over = retained.open_hold(by_plate(NOW), NAMED)
    retained.follow()
    assert retained.held(investigation) == retained.held(exculpatory) == retained.held(over) == ids(1)
    retained.acts.change(changed_hold(over, "inactive", destroy_at=NOW + timedelta(days=300)))
    retained.suppressed.folded = {SUPPRESSED.encode()}
    retained.follow()
    assert retained.held(investigation) == ids(1)
    assert retained.keeper.count(investigation).picture_count == 1
    assert retained.held(exculpatory) == retained.held(over) == set()
    assert retained.keeper.count(exculpatory).picture_count == retained.keeper.count(over).picture_count == 0
    assert retained.stored() == ids(2)
    retained.acts.change(changed_hold(investigation, "inactive", destroy_at=NOW + timedelta(days=300)))
    retained.follow()
    assert retained.held(investigation) == set()
    assert retained.keeper.count(investigation).picture_count == 0


def test_a_hold_opened_on_a_suppressed_plate_takes_what_arrives_only_if_it_is_an_investigation(
    retained: Retained,
) -> None:
    retained.suppressed.folded = {SUPPRESSED.encode()}
    retained.follow()
    investigation = retained.open_hold(by_plate(NOW), NAMED)
    exculpatory = retained.open_hold(by_plate(NOW), NAMED, hold_kind="exculpatory")
    retained.insert_with_picture(3, plate=SUPPRESSED)
    retained.follow()
    assert retained.held(investigation) == ids(3)
    assert retained.held(exculpatory) == set()
    assert retained.stored() == ids(2)


@pytest.mark.rule("retention.suppressed")
def test_no_file_of_the_engine_has_the_plate_afterwards_nor_does_the_ledger(retained: Retained) -> None:
    retained.suppressed.folded = {SUPPRESSED.encode()}
    events = len(retained.log)
    retained.follow()
    retained.sweeper().sweep()
    folder = retained.store.folder
    assert folder
    patterns = (SUPPRESSED.encode(), b"KLM0I5")
    assert not [
        file
        for file in folder.rglob("*")
        if file.is_file() and any(pattern in file.read_bytes() for pattern in patterns)
    ]
    for event in retained.log[events:]:
        assert not any(pattern in event for pattern in patterns)


def test_it_goes_on_after_a_crash_between_pictures_and_rows(
    retained: Retained, monkeypatch: pytest.MonkeyPatch
) -> None:
    retained.suppressed.folded = {SUPPRESSED.encode()}
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(retained.suppression, "_command", _die)
        retained.follow()
    assert not has_picture(retained, 1)
    retained.restart()
    retained.follow()
    assert retained.stored() == ids(2)


def _die(*_: object) -> list[str]:
    raise KeyboardInterrupt
