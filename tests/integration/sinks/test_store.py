"""ClickHouse inside the process: threads side by side, one process a folder, nothing of a search left behind."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from platestream.errors import ConfigError, TransientError
from platestream.settings import Settings, StorageSettings
from schemas.codec import Codec
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.reads import count_reads
from sinks.clickhouse.store import Store, clickhouse_errors
from tests.storing import a_read, insert_reads

ROOT = Path(__file__).parents[3]
OPEN_AND_SAY_WHY_NOT = """
import sys
from pathlib import Path
from platestream.errors import ConfigError
from platestream.settings import Settings
from sinks.clickhouse.store import Store
try:
    Store(Settings(home=Path(sys.argv[1])))
except ConfigError as error:
    print(error)
"""


def test_threads_have_clients_of_their_own_on_the_same_data(store: Store) -> None:
    def count(_: int) -> tuple[int, int]:
        client = store.client()
        assert client is store.client()
        return id(client), int(client.query("SELECT count() FROM numbers(100000)").result_rows[0][0])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(count, range(8)))
    assert {rows for _, rows in found} == {100_000}
    assert id(store.client()) not in {client for client, _ in found}


def test_an_insert_does_not_wait_for_a_long_query(store: Store) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            lambda: store.client().query(
                "SELECT sum(sleepEachRow(0.05)) FROM numbers(20)", settings={"max_block_size": 1}
            )
        )
        store.client().command("INSERT INTO migrations (number, name, checksum) VALUES (999, 'x', 'x')")
        assert not slow.done()
        slow.result()


def test_merges_give_way(store: Store) -> None:
    setting = "SELECT value FROM system.server_settings WHERE name = 'os_threads_nice_value_merge_mutate'"
    assert store.client().query(setting).result_rows == [("10",)]


def test_another_process_is_kept_out_with_a_sentence(store: Store) -> None:
    assert store.folder
    other = subprocess.run(
        [sys.executable, "-c", OPEN_AND_SAY_WHY_NOT, str(store.folder.parent)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "is in use by another process (PID: " in other.stdout


def test_one_folder_a_process_but_another_after_closing(tmp_path: Path) -> None:
    first = Store(Settings(home=tmp_path / "first"))
    with pytest.raises(ConfigError, match="this process has no other folder open"):
        Store(Settings(home=tmp_path / "second"))
    first.close()
    second = Store(Settings(home=tmp_path / "second"))
    assert second.client().query("SELECT 1").result_rows == [(1,)]
    second.close()


@pytest.mark.parametrize("name", ["with space", "é, ü", "it's", "100%", "a&b=c#d"])
def test_homes_of_any_name_work(tmp_path: Path, codec: Codec, name: str) -> None:
    home = tmp_path / name
    for _ in range(2):
        store = Store(Settings(home=home))
        migrate(store.client())
        insert_reads(store, codec, a_read())
        assert count_reads(store.client()) == 1
        store.close()
    assert {path.name for path in home.iterdir()} == {"clickhouse", "clickhouse-incoming"}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Store(Settings(home=tmp_path / "file"))


def test_a_server_that_is_away_is_transient() -> None:
    away = Settings(storage=StorageSettings(clickhouse_dsn="http://reader@127.0.0.1:1/default"))
    with pytest.raises(TransientError, match="does not answer"):
        Store(away)


def test_temporary_files_lie_beside_the_data_and_do_not_survive_a_restart(tmp_path: Path) -> None:
    before = tempfile.tempdir
    store = Store(Settings(home=tmp_path))
    left_by_a_crash = Path(tempfile.gettempdir()) / "rows.raw"
    assert left_by_a_crash.parent == tmp_path / "clickhouse-incoming"
    assert left_by_a_crash.parent.stat().st_mode & 0o077 == 0
    left_by_a_crash.write_text("rows")
    store.close()
    assert tempfile.tempdir == before
    Store(Settings(home=tmp_path)).close()
    assert not left_by_a_crash.exists()


def test_errors_do_not_quote_the_data(store: Store) -> None:
    with pytest.raises(TransientError) as caught, clickhouse_errors("cast"):
        store.client().query("SELECT toUUID({plate:String})", parameters={"plate": "SECRET77"})
    assert "SECRET77" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_searched_plate_stays_in_no_system_table_and_no_file(store: Store) -> None:
    client = store.client()
    client.query("SELECT 1 WHERE 'SECRET88' = {plate:String}", parameters={"plate": "SECRET88"})
    client.command("SYSTEM FLUSH LOGS")
    kept_by_the_engine = client.query(
        "SELECT name FROM system.tables WHERE database = 'system' AND (name LIKE '%\\_log' OR engine LIKE '%MergeTree')"
    )
    assert {name for (name,) in kept_by_the_engine.result_rows} <= {"user_query_log"}
    assert client.query("SELECT * FROM system.user_query_log").result_rows == []
    assert store.folder
    assert not [file for file in store.folder.rglob("*") if file.is_file() and b"SECRET88" in file.read_bytes()]
