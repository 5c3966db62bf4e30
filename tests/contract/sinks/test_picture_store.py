"""What a picture store must do, in a folder and in an object store that speaks S3 (moto's server, over HTTP)."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from platestream.errors import IntegrityError
from platestream.settings import Settings, StorageSettings
from schemas.messages import PictureKind
from sinks.pictures.store import PictureStore, ShelfCount, ShelfDestroyed

DAY, NEXT_DAY = date(2026, 5, 4), date(2026, 5, 5)
READ = UUID("7b0c7f5e-0000-5000-8000-000000000001")
HOLD = UUID("0e9b5a52-6a0f-4f6e-9f0e-3f4f6d1c2b3a")
PLATE, VEHICLE = PictureKind.PLATE, PictureKind.VEHICLE
NOTHING = ShelfCount(0, 0)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if request.param == "folder":
        return Settings(home=tmp_path)
    address = request.getfixturevalue("s3_server")
    bucket = f"pictures-{uuid4()}"
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=bucket)
    return Settings(home=tmp_path, storage=StorageSettings(pictures_url=f"s3://{bucket}/of the unit"))


class TestPictureStore:
    @pytest.fixture
    def pictures(self, settings: Settings) -> PictureStore:
        return PictureStore(settings)

    def test_a_picture_reads_back(self, settings: Settings, pictures: PictureStore) -> None:
        pictures.write(DAY, READ, PLATE, b"plate")
        pictures.write(DAY, READ, VEHICLE, b"vehicle")
        again = PictureStore(settings)
        assert (again.read(DAY, READ, PLATE), again.read(DAY, READ, VEHICLE)) == (b"plate", b"vehicle")

    def test_what_is_stored_is_not_the_picture(self, pictures: PictureStore) -> None:
        pictures.write(DAY, READ, PLATE, b"a pattern of its own")
        stored = pictures._files.cat_file(f"{pictures._root}/{DAY}/{READ}/PLATE.sealed")
        assert len(stored) == len(b"a pattern of its own") + 29
        assert b"pattern" not in stored

    def test_writing_again_changes_nothing(self, pictures: PictureStore) -> None:
        for _ in range(2):
            pictures.write(DAY, READ, PLATE, b"plate")
        assert pictures.read(DAY, READ, PLATE) == b"plate"
        assert pictures.count(DAY) == ShelfCount(1, 1)

    def test_one_that_is_not_there_is_said_so(self, pictures: PictureStore) -> None:
        with pytest.raises(FileNotFoundError):
            pictures.read(DAY, READ, PLATE)
        pictures.write(DAY, READ, PLATE, b"plate")
        with pytest.raises(FileNotFoundError):
            pictures.read(DAY, READ, VEHICLE)

    def test_a_picture_put_in_the_place_of_another_is_found_out(self, pictures: PictureStore) -> None:
        other = uuid4()
        pictures.write(DAY, READ, PLATE, b"plate")
        pictures.write(DAY, other, PLATE, b"other")
        folder = f"{pictures._root}/{DAY}"
        pictures._files.cp_file(f"{folder}/{other}/PLATE.sealed", f"{folder}/{READ}/PLATE.sealed")
        with pytest.raises(IntegrityError, match="not what was stored"):
            pictures.read(DAY, READ, PLATE)

    @pytest.mark.rule("retention.sixty-days")
    def test_a_day_is_destroyed_with_its_key_and_no_other(self, pictures: PictureStore) -> None:
        for shelf in (DAY, NEXT_DAY, HOLD):
            pictures.write(shelf, READ, PLATE, b"plate")
            pictures.write(shelf, READ, VEHICLE, b"vehicle")
        assert pictures.destroy(DAY) == ShelfCount(2, 1)
        assert pictures.count(DAY) == NOTHING
        assert pictures.shelves() == {NEXT_DAY, HOLD}
        assert pictures.count(NEXT_DAY) == pictures.count(HOLD) == ShelfCount(2, 1)
        assert pictures.read(HOLD, READ, PLATE) == b"plate"
        assert pictures.destroy(DAY) == NOTHING

    def test_a_copy_of_the_files_is_worth_nothing_without_the_key(self, pictures: PictureStore) -> None:
        pictures.write(DAY, READ, PLATE, b"plate")
        path = f"{pictures._root}/{DAY}/{READ}/PLATE.sealed"
        kept = pictures._files.cat_file(path)
        pictures.destroy(DAY)
        pictures._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        pictures._files.pipe_file(path, kept)
        assert pictures.count(DAY) == ShelfCount(1, 0)
        assert pictures.shelves() == {DAY}
        with pytest.raises(IntegrityError, match="key is gone"):
            pictures.read(DAY, READ, PLATE)

    def test_nothing_is_written_to_a_day_that_was_destroyed(self, pictures: PictureStore) -> None:
        pictures.destroy(DAY)
        with pytest.raises(ShelfDestroyed):
            pictures.write(DAY, READ, PLATE, b"plate")
        assert pictures.count(DAY) == NOTHING

    def test_a_destruction_waits_for_what_is_being_written(
        self, pictures: PictureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        within, go_on = threading.Event(), threading.Event()
        put = pictures._put

        def slowly(path: str, content: bytes) -> None:
            within.set()
            assert go_on.wait(30)
            put(path, content)

        monkeypatch.setattr(pictures, "_put", slowly)
        writer = threading.Thread(target=pictures.write, args=(DAY, READ, PLATE, b"plate"))
        sweeper = threading.Thread(target=pictures.destroy, args=(DAY,))
        writer.start()
        assert within.wait(30)
        sweeper.start()
        sweeper.join(0.2)
        assert sweeper.is_alive()
        go_on.set()
        writer.join(30)
        sweeper.join(30)
        assert pictures.count(DAY) == NOTHING

    def test_many_writers_of_a_new_store_make_one_mark_and_one_key(self, settings: Settings) -> None:
        stores, reads = [PictureStore(settings) for _ in range(2)], [uuid4() for _ in range(8)]
        together = threading.Barrier(len(reads))

        def write(number: int) -> None:
            together.wait(30)
            stores[number % 2].write(DAY, reads[number], PLATE, str(reads[number]).encode())

        with ThreadPoolExecutor(len(reads)) as writers:
            list(writers.map(write, range(len(reads))))
        again = PictureStore(settings)
        assert [again.read(DAY, read, PLATE) for read in reads] == [str(read).encode() for read in reads]
        assert again.count(DAY) == ShelfCount(8, 1)

    def test_a_store_that_is_used_for_the_first_time_meanwhile_is_not_another(
        self, settings: Settings, pictures: PictureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark = pictures._mark

        def used_meanwhile() -> str | None:
            found = mark()
            PictureStore(settings).write(DAY, READ, PLATE, b"plate")
            return found

        monkeypatch.setattr(pictures, "_mark", used_meanwhile)
        assert pictures.count(DAY) == ShelfCount(1, 1)

    def test_a_bucket_or_folder_that_is_gone_is_unknown_and_not_zero(self, pictures: PictureStore) -> None:
        pictures.write(DAY, READ, PLATE, b"plate")
        pictures._files.rm(pictures._root, recursive=True)
        with pytest.raises(IntegrityError, match="not mounted"):
            pictures.count(DAY)
