"""Migrations on a real engine: all run, once, in order; a changed file and a newer database are refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platestream.errors import ConfigError, TransientError
from platestream.settings import Settings
from schemas.versions import newest
from sinks.clickhouse.migrate import FOLDER, migrate, read_migrations
from sinks.clickhouse.store import Store

READS = {
    "folded_plate": "String",
    "collected_at": "DateTime64(3, 'UTC')",
    "read_id": "UUID",
    "plate": "String",
    "state": "LowCardinality(Nullable(String))",
    "device_id": "LowCardinality(String)",
    "received_at": "DateTime64(3, 'UTC')",
    "latitude": "Float64",
    "longitude": "Float64",
    "confidence": "Nullable(Float32)",
    "candidates": "Array(Tuple(plate String, confidence Nullable(Float32)))",
    "pictures": "Array(Tuple(sha256 FixedString(32), kind String))",
    "classification": "LowCardinality(String)",
    "stored_at": "DateTime64(3, 'UTC')",
}
TABLES = {
    "reads": ("ReplacingMergeTree", "toDate(collected_at)", "folded_plate, collected_at, read_id"),
    "reads_landing": ("Null", "", ""),
    "reads_from_landing": ("MaterializedView", "", ""),
    "migrations": ("MergeTree", "", "number"),
}


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


def test_the_live_schema_is_the_declared_one(store: Store) -> None:
    found = store.client().query(
        "SELECT name, engine, partition_key, sorting_key FROM system.tables WHERE database = currentDatabase()"
    )
    assert {name: tuple(rest) for name, *rest in found.result_rows} == TABLES
    assert columns(store, "reads") == READS


def test_landing_has_the_fields_of_the_newest_read_in_their_order(store: Store) -> None:
    assert list(columns(store, "reads_landing")) == [field["name"] for field in newest("PlateRead").parsed["fields"]]


def test_reads_are_on_disk_before_an_insert_returns_and_parts_go_whole(store: Store) -> None:
    [(text,)] = store.client().query("SELECT create_table_query FROM system.tables WHERE name = 'reads'").result_rows
    for setting in (
        "fsync_after_insert",
        "fsync_part_directory",
        "min_rows_to_fsync_after_merge",
        "ttl_only_drop_parts",
    ):
        assert f"{setting} = 1" in text
    assert "TTL toStartOfDay(collected_at) + toIntervalDay(60)" in text


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
    (folder / "0001_reads.sql").unlink()
    with pytest.raises(ConfigError, match=r"The database has migration \d+, this code knows 0"):
        migrate(empty.client(), folder)


def test_one_that_fails_is_not_recorded(empty: Store, folder: Path) -> None:
    number = len(read_migrations(folder)) + 1
    (folder / f"{number:04}_broken.sql").write_text("CREATE TABLE broken (n NoSuchType) ENGINE = Memory;\n")
    with pytest.raises(TransientError, match=r"\(broken\) \(its error \d+\)"):
        migrate(empty.client(), folder)
    (folder / f"{number:04}_broken.sql").write_text("CREATE TABLE broken (n UInt8) ENGINE = Memory;\n")
    assert migrate(empty.client(), folder) == [number]
