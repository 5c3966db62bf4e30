"""What ClickHouse must do for us, the same inside the process and as a server over HTTP (here chDB behind HTTP)."""

import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import Error

from platestream.clock import SetClock
from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.settings import Settings, StorageSettings
from schemas.codec import Codec
from schemas.plates import read_id
from sinks.clickhouse.counting import collected, count_day, hits
from sinks.clickhouse.ledger import LedgerKeeper, ledger_events
from sinks.clickhouse.merging import merge_one_day
from sinks.clickhouse.migrate import migrate, read_migrations
from sinks.clickhouse.reads import count_reads, find_reads
from sinks.clickhouse.sink import alerts_keeper
from sinks.clickhouse.store import Store, clickhouse_errors
from sinks.holds.acts import Named
from streams.ledger.holding import ByArea, ByReads, Circle, DestructionCertified
from tests.clickhouse_http import USER
from tests.clickhouse_server import start_clickhouse
from tests.contract.sinks.clickhouse_roles import allowed_to, needs
from tests.holding import by_plate, changed_hold
from tests.integration.sinks.declared import TABLES, VIEWS
from tests.retaining import Retained
from tests.stack import free_port
from tests.storing import NOW, a_read, an_alert, messages_of, of_plate

ROOT = Path(__file__).parents[3]
PROCESS = ROOT / "tests" / "clickhouse_http.py"
PLATE, OTHER = "KLM0I5", "XYZ789"
MIDNIGHT = NOW.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Server:
    """ClickHouse's HTTP interface on this machine. `log` has the path and query of each request."""

    port: int
    password: Path
    log: Path

    def forget(self) -> None:
        """Begin anew to look at requests."""
        for file in (self.log, self.statements):
            file.write_text("")

    def seen(self) -> tuple[list[str], set[tuple[str, str]]]:
        """Plates in addresses, which access logs and proxies keep, and rights that the roles do not give."""
        addresses, ran = self.log.read_text(), self.statements.read_text().splitlines()
        wanted: set[tuple[str, str]] = set().union(*map(needs, ran))
        plates = [plate for plate in (PLATE, "KLM015", OTHER) if plate in addresses]
        return plates, wanted - allowed_to("platestream_storage", "platestream_sweeper")

    @property
    def statements(self) -> Path:
        return self.log.with_suffix(".statements")

    def settings(self, home: Path) -> Settings:
        dsn = f"http://{USER}@127.0.0.1:{self.port}/default"
        storage = StorageSettings(clickhouse_dsn=dsn, clickhouse_password_file=self.password)
        return Settings(home=home, storage=storage)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port, password = tmp_path_factory.mktemp("server"), free_port(), secrets.token_hex(16)
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password)
    found = Server(port, file, folder / "requests.log")
    process = start_clickhouse(folder / "data", port, password, found.log)
    try:
        yield found
    finally:
        process.kill()
        process.wait(30)


@pytest.fixture(params=["inside", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Of a server, also: no request named a plate in its address, and no statement was beyond the roles."""
    if request.param == "inside":
        home = tmp_path / "home"
        shutil.copytree(request.getfixturevalue("migrated"), home / "clickhouse", symlinks=True)
        with closing(Store(Settings(home=home))) as opened:
            yield opened
        return
    server: Server = request.getfixturevalue("server")
    with closing(Store(server.settings(tmp_path / "home"))) as opened:
        migrate(opened.client())
        for table in TABLES.keys() - {"migrations", "reads_landing", "alerts_landing"}:
            opened.client().command(f"TRUNCATE TABLE {table}")
        server.forget()
        yield opened
    assert server.seen() == ([], set())


@pytest.fixture
def retained(store: Store, codec: Codec, tmp_path: Path) -> Retained:
    return Retained(store, codec, tmp_path / "home")


def ids(*events: int) -> set[UUID]:
    return {read_id("gate-1", str(event)) for event in events}


class TestStore:
    def test_the_live_schema_is_the_declared_one(self, store: Store) -> None:
        tables = store.client().query("SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
        assert {name for name, _ in tables.result_rows} == TABLES.keys() | VIEWS
        for table, declared in TABLES.items():
            live = store.client().query(f"DESCRIBE TABLE {table}").result_rows
            types = {name: " ".join(kind.split()).replace("( ", "(") for name, kind, *_ in live}
            assert types == declared.columns, table
        assert migrate(store.client()) == []
        assert store.client().query("SELECT count() FROM migrations").result_rows == [(len(read_migrations()),)]

    def test_what_is_inserted_twice_is_found_once_and_as_it_was(self, retained: Retained) -> None:
        read = a_read(1, plate=PLATE)
        for _ in range(2):
            retained.insert(read, a_read(2, plate=OTHER))
        [found] = find_reads(retained.store.client(), of_plate("KLM015", NOW - DAY, NOW + DAY))
        assert (found.plate, found.read_id, found.collected_at) == (read.plate, read.read_id, read.collected_at)
        assert [picture.sha256 for picture in found.pictures] == [picture.sha256 for picture in read.pictures]
        assert count_reads(retained.store.client()) == 2

    def test_a_corrupt_container_is_refused_whole(self, retained: Retained) -> None:
        with pytest.raises(Error):
            retained.store.insert_avro("reads_landing", ["plate"], [b"Obj\x01 no container"])
        assert count_reads(retained.store.client()) == 0

    def test_errors_do_not_quote_the_data(self, store: Store) -> None:
        with pytest.raises(TransientError, match="error 376") as caught, clickhouse_errors("cast"):
            store.client().query("SELECT toUUID({plate:String})", parameters={"plate": "SECRET77"})
        assert "SECRET77" not in str(caught.value)

    def test_threads_work_side_by_side(self, store: Store) -> None:
        def count(rows: int) -> int:
            return int(store.client().query(f"SELECT count() FROM numbers({rows})").result_rows[0][0])

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(count, range(1, 9))) == list(range(1, 9))

    def test_the_copy_of_the_ledger_is_byte_for_byte_and_never_overwritten(self, store: Store) -> None:
        keeper, value = LedgerKeeper(store), bytes(range(256)) * 3
        for _ in range(2):
            keeper.keep([[(0, b"subject", value), (1, None, None), (2, b"'\\\n\t", b"")]])
        assert ledger_events(store.client(), 0, 9) == [(0, b"subject", value), (1, None, None), (2, b"'\\\n\t", b"")]
        with pytest.raises(IntegrityError):
            keeper.keep([[(1, None, b"something else")]])

    def test_counts_of_a_day_stay(self, retained: Retained, codec: Codec) -> None:
        client, at = retained.store.client(), MIDNIGHT - DAY
        retained.insert(*(a_read(n, collected_at=at) for n in range(5)))
        keeper = alerts_keeper(retained.store, codec, SetClock(NOW), 60)
        piece, _ = keeper.sort(messages_of(codec, an_alert(1, collected_at=at)))
        keeper.keep([piece])
        count_day(client, at.date())
        client.command(f"ALTER TABLE reads DROP PARTITION '{at.date()}'")
        count_day(client, at.date())
        assert [(one.device_id, one.reads) for one in collected(client, at, MIDNIGHT)] == [("gate-1", 5)]
        assert [one.hits for one in hits(client, at, MIDNIGHT)] == [1]

    def test_a_day_that_is_over_becomes_one_part(self, retained: Retained) -> None:
        at = MIDNIGHT - DAY
        for n in range(3):
            retained.insert(a_read(n, collected_at=at))
        assert merge_one_day(retained.store.client(), NOW + DAY, at.date(), timedelta()) == at.date()
        parts = "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'reads'"
        assert retained.ask(parts) == [(1,)]

    @pytest.mark.rule("evidence.copy", "retention.sixty-days")
    def test_what_is_held_stays_and_all_else_goes_at_its_day(self, retained: Retained) -> None:
        retained.insert_with_picture(1, plate=PLATE)
        retained.insert_with_picture(2, plate=OTHER)
        retained.insert(a_read(3, plate="GHI123", latitude=10.0))
        lasting = {"attested_until": NOW + timedelta(days=300)}
        span = {"collected_from": NOW - DAY, "collected_until": NOW + DAY}
        near = Circle(latitude=10.0, longitude=-93.09, radius_metres=500)
        holds = {
            retained.open_hold(by_plate(NOW), Named(plates=(PLATE,)), **lasting): ids(1),
            retained.open_hold(ByArea(area=near, **span), **lasting): ids(3),  # type: ignore[arg-type]
            retained.open_hold(ByReads(read_count=1), Named(read_ids=tuple(ids(1))), **lasting): ids(1),
        }
        ending = retained.open_hold(by_plate(NOW), Named(plates=(OTHER,)), hold_kind="exculpatory", **lasting)
        retained.follow()
        assert retained.held(ending) == ids(2)
        retained.acts.change(changed_hold(ending, "disposed"))
        retained.advance(61)
        retained.sweeper().sweep()
        assert {hold: retained.held(hold) for hold in holds} == holds
        assert retained.held(ending) == retained.stored() == set()
        [certificate] = [body for body in retained.bodies() if isinstance(body, DestructionCertified)]
        destroyed = {place.place: place.destroyed for place in certificate.places}
        assert (destroyed["clickhouse.reads"], certificate.held_reads) == (3, 2)

    @pytest.mark.rule("retention.suppressed")
    def test_a_suppressed_plate_goes_and_only_an_active_investigation_keeps_it(self, retained: Retained) -> None:
        retained.insert_with_picture(1, plate=PLATE)
        retained.insert_with_picture(2, plate=OTHER)
        investigation = retained.open_hold(by_plate(NOW), Named(plates=(PLATE,)))
        exculpatory = retained.open_hold(by_plate(NOW), Named(plates=(PLATE,)), hold_kind="exculpatory")
        retained.follow()
        retained.suppressed.folded = {b"KLM015"}
        retained.follow()
        assert retained.held(investigation) == ids(1)
        assert retained.held(exculpatory) == set()
        assert retained.stored() == ids(2)


def test_a_wrong_password_is_a_sentence(server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.touch(mode=0o600)
    wrong.write_text("wrong")
    with pytest.raises(ConfigError, match=r"refuses storage.clickhouse_dsn \(its error 516\)"):
        Store(Server(server.port, wrong, server.log).settings(tmp_path))


@pytest.mark.parametrize("store", ["server"], indirect=True)
def test_a_plate_in_an_address_and_a_right_too_few_are_found(store: Store, server: Server) -> None:
    store.client().query("SELECT {plate:String}", parameters={"plate": PLATE})
    assert server.seen() == ([], set())
    store.client().command("SELECT {plate:String} FROM system.columns LIMIT 1", parameters={"plate": PLATE})
    assert server.seen() == ([PLATE], {("SELECT", "system.columns")})
    server.forget()
