"""The roles for a ClickHouse server: they can be parsed, give what each process does, and nothing more.

chDB has no users, so whether a server enforces them is for the container test.
"""

import pytest

from sinks.clickhouse.store import Store
from sinks.retention.places import DAY_TABLES, HELD_TABLES
from sinks.retention.tables import LOGS
from tests.contract.sinks.clickhouse_roles import needs, rights, statements
from tests.integration.sinks.declared import TABLES

RIGHTS = rights()
STORAGE, SWEEPER, READER = (RIGHTS[f"platestream_{role}"] for role in ("storage", "sweeper", "reader"))
OF_THE_SWEEPER = {*HELD_TABLES, "suppressed_plates"}


def test_each_statement_can_be_parsed(store: Store) -> None:
    for statement in statements():
        store.client().query("SELECT formatQuery({statement:String})", parameters={"statement": statement})
    assert sum(len(tables) for tables in RIGHTS.values()) == sum(text.startswith("GRANT") for text in statements())


def test_storage_writes_each_table_and_destroys_none() -> None:
    assert {table for table, may in STORAGE.items() if "INSERT" in may} == TABLES.keys() - OF_THE_SWEEPER - {
        "migrations"
    }
    assert not [table for table, may in STORAGE.items() if may - {"SELECT", "INSERT", "OPTIMIZE", "CREATE TABLE"}]


@pytest.mark.rule("retention.sixty-days")
def test_the_sweeper_alone_destroys_and_reaches_every_place() -> None:
    destroys = {table for table, may in SWEEPER.items() if may & {"ALTER DELETE", "TRUNCATE"}}
    assert destroys == {*DAY_TABLES, *OF_THE_SWEEPER, *(f"system.{log}" for log in LOGS)}
    others = [may for role, tables in RIGHTS.items() if role != "platestream_sweeper" for may in tables.values()]
    assert not [may for may in others if may & {"ALTER DELETE", "TRUNCATE"}]


def test_the_reader_only_reads_and_neither_the_suppressed_list_nor_the_ledger() -> None:
    assert {right for may in READER.values() for right in may} == {"SELECT"}
    assert not READER.keys() & {"suppressed_plates", "ledger", "default.*", "*"}


def test_what_a_statement_needs_is_seen() -> None:
    assert needs("INSERT INTO held_reads SELECT a FROM reads WHERE b IN (SELECT c FROM numbers(3))") == {
        ("INSERT", "held_reads"), ("SELECT", "reads")
    }  # fmt: skip
    assert needs("ALTER TABLE reads DROP PART {part:String}") == {("ALTER DELETE", "reads")}
