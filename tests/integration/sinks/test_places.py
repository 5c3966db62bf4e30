"""No table can hold a plate without the sweep knowing of it: the engine's own list is held against the registry."""

import pytest

from sinks.clickhouse.store import Store
from sinks.retention.places import DAY_TABLES, EXEMPT_TABLES, HELD_TABLES

PLATE_COLUMNS = "name ILIKE '%plate%' OR type ILIKE '%plate%' OR name IN ('candidates', 'key', 'value')"


def tables(store: Store) -> dict[str, str]:
    found = store.client().query("SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
    return {name: engine for name, engine in found.result_rows}


def unregistered(store: Store) -> set[str]:
    return set(tables(store)) - DAY_TABLES.keys() - set(HELD_TABLES) - EXEMPT_TABLES.keys()


@pytest.mark.rule("retention.sixty-days")
def test_every_table_is_swept_or_said_to_hold_no_plate(store: Store) -> None:
    assert unregistered(store) == set()
    assert DAY_TABLES.keys() | set(HELD_TABLES) | EXEMPT_TABLES.keys() == tables(store).keys()
    assert not EXEMPT_TABLES.keys() & (DAY_TABLES.keys() | set(HELD_TABLES))


def test_a_new_table_with_a_plate_is_found(store: Store) -> None:
    store.client().command("CREATE TABLE visits (plate String) ENGINE = MergeTree ORDER BY plate")
    assert unregistered(store) == {"visits"}


def test_only_tables_that_keep_nothing_and_the_sealed_ledger_are_exempt_with_such_a_column(store: Store) -> None:
    found = store.client().query(
        f"SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase() AND ({PLATE_COLUMNS})"
    )
    keeping = {name for name, engine in tables(store).items() if engine not in {"Null", "Memory", "MaterializedView"}}
    assert {table for (table,) in found.result_rows} & EXEMPT_TABLES.keys() & keeping == {"ledger"}


def test_the_copies_of_a_hold_have_all_columns_of_what_they_copy(store: Store) -> None:
    def columns(table: str) -> set[str]:
        found = store.client().query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            parameters={"table": table},
        )
        return {name for (name,) in found.result_rows}

    for table, held in (("reads", "held_reads"), ("alerts", "held_alerts")):
        assert columns(table) - {"stored_at"} == columns(held) - {"hold_id", "held_at", "read_sha256"}
