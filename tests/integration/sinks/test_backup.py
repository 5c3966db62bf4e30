"""Step 7 backed up and restored, on the real broker and engine: what stands comes back, what was destroyed does not."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from platestream.errors import IntegrityError, RefusedError
from platestream.secret_files import write_secret
from platestream.settings import KafkaSettings, Settings
from schemas.codec import Codec
from schemas.messages import PictureKind, PlateRead
from schemas.versions import versions
from sinks.backup.making import BackupMaker
from sinks.backup.restoring import open_backup, restore_holds, restore_ledger
from sinks.backup.sealed_folder import Manifest
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from sinks.holds.state import HoldsState, fold_holds
from streams.ledger.events import body_of
from streams.ledger.holding import DestructionCertified
from streams.ledger.kafka import KafkaLedger
from streams.ledger.proof import Event
from streams.ledger.reading import read_topic
from streams.ledger.restoring import sound
from streams.ledger.verification import verify_events
from tests.holding import by_plate, changed_hold, hold_acts
from tests.ledger_topic import new_ledger_topic
from tests.retaining import Retained
from tests.storing import NOW, an_image

GRACE = timedelta(days=30)


@contextmanager
def opened_store(home: Path) -> Iterator[Store]:
    with closing(Store(Settings(home=home))) as store:
        migrate(store.client())
        yield store


class Installation(Retained):
    """With its ledger on a topic of the real broker."""

    def on_topic(self, kafka: KafkaSettings, topic: str) -> "Installation":
        self.settings = self.settings.model_copy(update={"kafka": kafka})
        self.ledger = KafkaLedger(kafka, self.codec, fold_holds, HoldsState(), topic=topic)  # type: ignore[assignment]
        self.acts = hold_acts(self.settings, self.ledger, self.clock)
        self.topic = topic
        return self

    def events(self) -> list[Event]:
        return list(sound(read_topic(self.settings.kafka, self.topic)))

    def back_up(self, medium: Path, key: Path) -> tuple[Path, Manifest]:
        maker = BackupMaker(settings=self.settings, store=self.store, pictures=self.pictures, clock=self.clock)
        return maker.make(medium, key, self.ledger.replay_all(), read_topic(self.settings.kafka, self.topic))

    def restore(self, folder: Path, key: Path) -> dict[UUID, int]:
        """What the command does, with this clock."""
        now = self.clock.now()
        backup = open_backup(self.settings, folder, key, now)
        restore_ledger(backup, self.settings, self.topic, self.codec, self.store)
        return restore_holds(backup, self.ledger.replay_all(), now, GRACE, (self.store, self.pictures))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_secret(tmp_path / "backup.key", bytes(range(32)))
    return tmp_path / "backup.key"


@pytest.fixture
def install(kafka: KafkaSettings, codec: Codec) -> Iterator[Callable[[Store, Path, str], Installation]]:
    made: list[Installation] = []

    def new(store: Store, home: Path, topic: str) -> Installation:
        made.append(Installation(store, codec, home).on_topic(kafka, topic))
        return made[-1]

    yield new
    for installation in made:
        installation.ledger.close()  # type: ignore[no-untyped-call]


def hold_two(installation: Installation) -> tuple[PlateRead, UUID, UUID]:
    """A read that an investigation keeps, one that someone charged asked for, one that nobody wants; 59 days old."""
    at = NOW - timedelta(days=59)
    wanted = installation.insert_with_picture(1, plate="ABC123", collected_at=at)
    installation.insert_with_picture(2, plate="KLM015", collected_at=at)
    installation.insert_with_picture(3, plate="XYZ789", collected_at=at)
    stays = installation.open_hold(by_plate(NOW), Named(plates=("ABC123",)), attested_until=NOW + timedelta(days=300))
    ends = installation.open_hold(by_plate(NOW), Named(plates=("KLM015",)), hold_kind="exculpatory")
    installation.follow()
    return wanted, stays, ends


def files_with(folder: Path, *patterns: bytes) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if any(pattern in file.read_bytes() for pattern in patterns)]


@pytest.mark.rule("retention.sixty-days", "retention.exculpatory")
def test_after_a_destruction_what_stands_comes_back_and_nothing_else(
    kafka: KafkaSettings, install: Callable[[Store, Path, str], Installation], tmp_path: Path, key: Path
) -> None:
    topic, medium = new_ledger_topic(kafka), tmp_path / "medium"
    with opened_store(tmp_path / "home") as store:
        before = install(store, tmp_path / "home", topic)
        wanted, stays, ends = hold_two(before)
        rows = before.ask("SELECT * EXCEPT held_at FROM held_reads WHERE hold_id = {hold:UUID}", hold=stays)
        folder, manifest = before.back_up(medium, key)
        assert set(manifest.holds) == {stays, ends}
        assert files_with(medium, b"ABC123", b"KLM015", b"XYZ789", an_image(1)[:64]) == []
        copied = Path(shutil.copytree(medium, tmp_path / "out-of-reach")) / folder.name
        before.acts.change(changed_hold(ends, "disposed"))
        before.advance(2)
        before.sweeper().sweep()
        assert before.stored() == before.held(ends) == set()
        assert [hold.name for hold in (folder / "holds").iterdir()] == [str(stays)]
    with opened_store(tmp_path / "anew") as store:
        after = install(store, tmp_path / "anew", topic)
        after.clock.advance(timedelta(days=2))
        assert after.restore(copied, key) == after.restore(folder, key) == {stays: 1}
        assert after.ask("SELECT * EXCEPT held_at FROM held_reads") == rows
        assert after.held(stays) == {wanted.read_id}
        assert after.stored() == after.held(ends) == set()
        assert after.pictures.listed(stays) == [(wanted.read_id, PictureKind.PLATE)]
        assert after.pictures.read(stays, wanted.read_id, PictureKind.PLATE) == an_image(1)
        assert after.pictures.shelves() == {stays}
        assert after.events() == before.events()


@pytest.mark.rule("retention.sixty-days")
def test_a_lost_ledger_comes_back_byte_for_byte_and_as_far_as_its_copy_goes(
    kafka: KafkaSettings, install: Callable[[Store, Path, str], Installation], tmp_path: Path, key: Path
) -> None:
    with opened_store(tmp_path / "home") as store:
        before = install(store, tmp_path / "home", new_ledger_topic(kafka))
        _, stays, ends = hold_two(before)
        folder, manifest = before.back_up(tmp_path / "medium", key)
        events = before.events()
        alone = install(store, tmp_path / "home", new_ledger_topic(kafka))
        assert alone.restore(folder, key).keys() == {stays, ends}
        assert alone.events() == events[: manifest.ledger_events] == events
        verified = verify_events(read_topic(kafka, alone.topic), alone.topic)
        assert (verified.head.hex(), verified.faults) == (manifest.ledger_head, [])

        before.acts.change(changed_hold(ends, "disposed"))
        before.sweeper().sweep()
        newer = before.events()
        store.client().insert("ledger", [tuple(event) for event in newer], column_names=["offset", "key", "value"])
        with_copy = install(store, tmp_path / "home", new_ledger_topic(kafka))
        assert with_copy.restore(folder, key).keys() == {stays}
        assert with_copy.events() == newer
        assert before.held(ends) == set()


def test_another_ledger_and_ids_of_another_registry_are_refused_and_nothing_is_written(
    kafka: KafkaSettings, install: Callable[[Store, Path, str], Installation], tmp_path: Path, key: Path
) -> None:
    with opened_store(tmp_path / "home") as store:
        before = install(store, tmp_path / "home", new_ledger_topic(kafka))
        before.open_hold(by_plate(NOW), Named(plates=("ABC123",)))
        folder, _ = before.back_up(tmp_path / "medium", key)
        other = install(store, tmp_path / "home", new_ledger_topic(kafka))
        other.open_hold(by_plate(NOW), Named(plates=("KLM015",)))
        [event] = other.events()
        with pytest.raises(IntegrityError, match="two ledgers"):
            other.restore(folder, key)
        assert other.events() == [event]

        ids = iter(range(501, 1000))
        elsewhere = Codec({record: {one.number: next(ids) for one in all_} for record, all_ in versions().items()})
        empty = install(store, tmp_path / "home", new_ledger_topic(kafka))
        backup = open_backup(empty.settings, folder, key, NOW)
        with pytest.raises(IntegrityError, match="registry"):
            restore_ledger(backup, empty.settings, empty.topic, elsewhere, store)
        assert empty.events() == []


@pytest.mark.rule("retention.suppressed")
def test_what_was_suppressed_after_the_backup_goes_again_with_the_first_round(
    kafka: KafkaSettings, install: Callable[[Store, Path, str], Installation], tmp_path: Path, key: Path
) -> None:
    topic = new_ledger_topic(kafka)
    with opened_store(tmp_path / "home") as store:
        before = install(store, tmp_path / "home", topic)
        _, stays, charged = hold_two(before)
        folder, _ = before.back_up(tmp_path / "medium", key)
    (tmp_path / "anew" / "keys").mkdir(parents=True)
    shutil.copy2(tmp_path / "home" / "keys" / "holds.key", tmp_path / "anew" / "keys")  # as its keeper does by hand
    with opened_store(tmp_path / "anew") as store:
        after = install(store, tmp_path / "anew", topic)
        assert after.restore(folder, key) == {stays: 1, charged: 1}
        after.suppressed.folded = {b"ABC123", b"KLM015"}
        after.follow()
        assert (len(after.held(stays)), after.held(charged)) == (1, set())
        assert after.pictures.listed(charged) == []


@pytest.mark.rule("retention.inactive")
def test_the_sweep_destroys_a_backup_by_its_date_and_until_then_it_is_refused(
    kafka: KafkaSettings, install: Callable[[Store, Path, str], Installation], tmp_path: Path, key: Path
) -> None:
    with opened_store(tmp_path / "home") as store:
        installation = install(store, tmp_path / "home", new_ledger_topic(kafka))
        _, stays, _ = hold_two(installation)
        at = NOW + timedelta(days=3)
        installation.acts.change(changed_hold(stays, "inactive", destroy_at=at))
        folder, manifest = installation.back_up(tmp_path / "medium", key)
        assert NOW < manifest.destroy_by <= at
        installation.advance(3)
        with pytest.raises(RefusedError):
            installation.restore(folder, key)
        installation.sweeper().sweep()
        assert not folder.exists()
        bodies = [body_of(installation.codec.decode(event.value)) for event in installation.events()]
        [certificate] = [body for body in bodies if isinstance(body, DestructionCertified)]
        assert [place.destroyed for place in certificate.places if place.place == "backups"] == [1]
