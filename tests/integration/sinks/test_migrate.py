"""Migrations on a real engine: all run, once, in order; a changed file and a newer database are refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platestream.errors import ConfigError, TransientError
from platestream.settings import Settings
from schemas.versions import versions
from sinks.clickhouse.migrate import FOLDER, migrate, read_migrations
from sinks.clickhouse.store import Store
from tests.integration.sinks.declared import TABLES, VIEWS, Table


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    opened = Store(Settings(home=tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that may be changed."""
    return Path(shutil.copytree(str(FOLDER), tmp_path / "migrations"))


def columns(store: Store, table: str) -> dict[str, str]:
    found = store.client().query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        parameters={"table": table},
    )
    return {name: " ".join(kind.split()).replace("( ", "(") for name, kind in found.result_rows}


def created_by(store: Store, table: str) -> str:
    found = store.client().query(
        "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        parameters={"table": table},
    )
    return str(found.result_rows[0][0])


def test_the_live_schema_is_the_declared_one(store: Store) -> None:
    found = store.client().query(
        "SELECT name, engine, partition_key, sorting_key FROM system.tables WHERE database = currentDatabase()"
    )
    views = {name for name, engine, *_ in found.result_rows if engine == "MaterializedView"}
    assert views == VIEWS
    assert {
        name: Table(*rest, columns(store, name)) for name, *rest in found.result_rows if name not in views
    } == TABLES  # fmt: skip


@pytest.mark.parametrize(
    ("record", "table"),
    [("PlateRead", "reads_landing"), ("Alert", "alerts_landing"), ("AlertOutcome", "alert_outcomes")],
)
def test_every_field_of_every_version_has_its_column(store: Store, record: str, table: str) -> None:
    for version in versions()[record]:
        assert {field["name"] for field in version.parsed["fields"]} <= set(columns(store, table))


def test_nothing_lands_that_is_not_kept(store: Store) -> None:
    for table in ("reads", "alerts"):
        assert set(columns(store, f"{table}_landing")) <= set(columns(store, table))


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if "MergeTree" in table.engine])
def test_rows_are_on_disk_before_an_insert_returns(store: Store, table: str) -> None:
    text = created_by(store, table)
    assert "fsync_after_insert = 1" in text
    assert "fsync_part_directory = 1" in text
    assert table == "migrations" or "min_rows_to_fsync_after_merge = 1" in text


@pytest.mark.parametrize(
    ("table", "time"), [("reads", "collected_at"), ("alerts", "collected_at"), ("blanked_reads", "hour")]
)
def test_what_was_collected_goes_by_whole_days(store: Store, table: str, time: str) -> None:
    text = created_by(store, table)
    assert f"TTL toStartOfDay({time}) + toIntervalDay(60)" in text
    assert "ttl_only_drop_parts = 1" in text


def test_the_hash_of_a_held_read_is_over_what_the_reader_sent(store: Store) -> None:
    client = store.client()
    client.command(
        "INSERT INTO held_reads (hold_id, plate, device_id, classification, held_at) "
        "SELECT generateUUIDv4(), plate, 'gate-1', c, at "
        "FROM VALUES('plate String, c String, at DateTime', ('A1', 'x', 1), ('A1', 'y', 2), ('A2', 'x', 1))"
    )
    hashes = client.query("SELECT plate, uniqExact(read_sha256), count() FROM held_reads GROUP BY plate ORDER BY plate")
    assert hashes.result_rows == [("A1", 1, 2), ("A2", 1, 1)]
    assert client.query("SELECT uniqExact(read_sha256) FROM held_reads").result_rows == [(2,)]


def test_all_run_once(empty: Store) -> None:
    numbers = [migration.number for migration in read_migrations()]
    assert migrate(empty.client()) == numbers
    assert migrate(empty.client()) == []
    recorded = empty.client().query("SELECT number, checksum FROM migrations ORDER BY number").result_rows
    assert [tuple(row) for row in recorded] == [(m.number, m.checksum) for m in read_migrations()]


def test_each_can_be_run_again_after_it_was_cut_short(empty: Store) -> None:
    for migration in read_migrations():
        for statement in migration.statements[:1] + migration.statements:
            empty.client().command(statement)
    assert migrate(empty.client()) == [migration.number for migration in read_migrations()]


def test_a_new_one_is_applied_to_a_database_that_has_the_others(empty: Store, folder: Path) -> None:
    migrate(empty.client(), folder)
    number = len(read_migrations(folder)) + 1
    (folder / f"{number:04}_visits.sql").write_text("-- a; comment\nCREATE TABLE visits (n UInt8) ENGINE = Memory;\n")
    assert migrate(empty.client(), folder) == [number]
    assert columns(empty, "visits") == {"n": "UInt8"}


def test_a_changed_file_is_refused(empty: Store, folder: Path) -> None:
    migrate(empty.client(), folder)
    with (folder / "0001_reads.sql").open("a") as file:
        file.write("-- one word more\n")
    with pytest.raises(ConfigError, match=r"Migration 0001 \(reads\) was changed after it was applied"):
        migrate(empty.client(), folder)


def test_a_newer_database_is_refused(empty: Store, folder: Path) -> None:
    migrate(empty.client())
    newest = len(read_migrations(folder))
    next(folder.glob(f"{newest:04}_*.sql")).unlink()
    with pytest.raises(ConfigError, match=f"The database has migration {newest}, this code knows {newest - 1}"):
        migrate(empty.client(), folder)


def test_one_that_fails_is_not_recorded(empty: Store, folder: Path) -> None:
    number = len(read_migrations(folder)) + 1
    (folder / f"{number:04}_broken.sql").write_text("CREATE TABLE broken (n NoSuchType) ENGINE = Memory;\n")
    with pytest.raises(TransientError, match=r"\(broken\) \(its error \d+\)"):
        migrate(empty.client(), folder)
    (folder / f"{number:04}_broken.sql").write_text("CREATE TABLE broken (n UInt8) ENGINE = Memory;\n")
    assert migrate(empty.client(), folder) == [number]
