"""The commands of people, cases, holds and the ledger, on a broker: from a new installation to a verified export."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_socket import enable_socket
from typer.testing import CliRunner, Result

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from platestream.cli import typer_app
from platestream.cli.running import demonstration
from platestream.clock import SystemClock
from platestream.errors import PlatestreamError, RefusedError
from platestream.secret_files import write_secret
from platestream.settings import Settings, environment
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from sinks.retention.service import Kept, Retention
from streams.embedded.stack import EmbeddedStack
from streams.ledger import proof
from streams.ledger.kafka import KafkaLedger
from streams.registry import load_codec, register_schemas
from streams.topics import create_topics
from tests.retaining import ListedPlates
from tests.stack import new_home, stack_settings
from tests.storing import a_read, insert_reads

LONG = timedelta(days=300)
Run = Callable[..., str]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Of a stack of its own, where the topic `ledger` is new; commands find them in the environment."""
    settings = stack_settings(new_home(tmp_path_factory))
    enable_socket()
    with EmbeddedStack(settings) as stack, pytest.MonkeyPatch.context() as patch:
        create_topics(settings.kafka)
        register_schemas(stack.registry_url)
        for variable, value in environment(settings).items():
            patch.setenv(variable, value)
        yield settings


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command."""

    def run_command(*words: str, typed: str | None = None) -> str:
        result: Result = CliRunner().invoke(typer_app, words, input=typed)
        if isinstance(result.exception, PlatestreamError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run_command


@pytest.mark.rule("access.approval", "training.before-use", "program.administration")
def test_from_a_new_installation_to_a_verified_export(run: Run, tmp_path: Path) -> None:
    run("keys", "create")
    run("person", "found", "--by", "chief", "--commander", "c1", "--administrator", "a2", "--document", "d1")
    run("person", "assign-role", "p7", "investigator", "--by", "c1")
    with pytest.raises(RefusedError, match="Nobody"):
        run("person", "assign-role", "c1", "operator", "--by", "c1")
    assert "refused by access.list" in run("access", "explain", "p7", "search")
    approve = ("authorization", "approve", "p7", "--document", "d2", "--assignment", "auto theft", "--purpose", "cars")
    printed = run(*approve, "--by", "c1")
    found = re.search(r"[0-9a-f-]{36}", printed)
    assert found
    with pytest.raises(RefusedError, match="do not include"):
        run("authorization", "authorize", "p7", found[0], "--by", "c1")
    run("authorization", "authorize", "p7", found[0], "--by", "a2")
    run("training", "record", "p7", "--by", "a2", "--trained-by", "t3", "--document", "d3")
    explained = json.loads(run("access", "explain", "p7", "search", "--json"))
    assert (explained["is_allowed"], len(explained["steps"])) == (True, 4)
    assert "approved by c1, authorized by a2" in run("person", "show", "p7")
    run("case", "register", "26-000001", "--offence", "theft", "--by", "c1")
    permit = ("case", "permit-tracking", "26-000001", "--person", "p7", "--hours", "5", "--plate", "KLM015")
    run(*permit, "--text", "Armed suspect fled the hospital in it", "--by", "a2")
    assert run("misuse", "list", "--for", "c1") == ""
    run("authorization", "revoke", "p7", "--by", "c1", "--reason", "left")
    assert "refused by access.list" in run("access", "explain", "p7", "search")
    signed = json.loads(run("ledger", "sign"))
    assert json.loads(run("ledger", "verify", "--json")) | {"head": ""} == {
        "events": signed["offset"] + 2,
        "head": "",
        "signed_heads": 1,
        "faults": [],
    }
    check_export(run, tmp_path)
    check_backup(run, tmp_path)


def check_export(run: Run, tmp_path: Path) -> None:
    """The file verifies here and with the one module alone, and shows no plate."""
    export = tmp_path / "ledger.txt"
    run("ledger", "export", str(export))
    assert "0 faults" in run("ledger", "verify", str(export))
    assert "0 faults" in run("ledger", "verify", "--against", str(export))
    alone = subprocess.run([sys.executable, "-I", "-S", proof.__file__, str(export)], check=False, capture_output=True)
    assert (alone.returncode, b"KLM015" in export.read_bytes()) == (0, False)
    assert export.read_bytes().count(b'"withheld"') == 3  # the case, the permit, why access was revoked


def check_backup(run: Run, tmp_path: Path) -> None:
    """It is made, restored over what is there, and changes nothing."""
    write_secret(tmp_path / "backup.key", bytes(range(32)))
    verified = run("ledger", "verify", "--json")
    made = run("backup", str(tmp_path / "medium"), "--key", str(tmp_path / "backup.key"))
    [folder] = (tmp_path / "medium").glob("*T*Z-*")
    assert str(folder) in made
    assert "0 events were written" in run("restore", str(folder), "--key", str(tmp_path / "backup.key"))
    assert run("ledger", "verify", "--json") == verified


@pytest.mark.rule("log.public")
def test_what_the_public_log_tells_is_written_by_those_who_load_lists_and_place_readers(
    run: Run, settings: Settings
) -> None:
    demo = Path(demonstration.__file__).with_name("demo")
    loaded = run("hotlist", "load", str(demo / "hotlist.csv"), "--template", str(demo / "hotlist.toml"), "--force")
    run("device", "place", "gate-1", "--latitude", "44.95", "--longitude", "-93.09", "--by", "a2", "--at", "2026-01-01")
    run("device", "remove", "gate-1", "--by", "a2", "--at", "2026-02-01")
    with closing(KafkaLedger(settings.kafka, load_codec(settings), fold_access, AccessState())) as ledger:
        use = ledger.replay_all().public
    [place], [load] = use.placements, use.loads
    assert (place.latitude, place.from_at.month, place.until_at and place.until_at.month) == (44.95, 1, 2)
    assert f"{load.source}: {load.entry_count} entries" in loaded


def opened(run: Run, **fields: Any) -> str:
    """Open a hold on one plate, as a file on standard input says; its id."""
    now = datetime.now(UTC)
    span = {"collected_from": (now - timedelta(days=2)).isoformat(), "collected_until": (now + LONG).isoformat()}
    said = {"hold_kind": "investigation", "case_number": "26-000042", "document_id": "memo-1", "plates": ["KLM0I5"]}
    words = json.dumps({**said, "selection": {"by": "plate", **span}, **fields})
    printed = run("hold", "open", "-", "--by", "investigator-1", typed=words)
    found = re.search(r"hold ([0-9a-f-]{36}) is open; attest it within 90 days", printed)
    assert found and "KLM" not in printed
    return found[1]


def listed(run: Run) -> dict[str, dict[str, Any]]:
    """Holds that have not ended, by id."""
    printed = run("hold", "list", "--counts")
    assert "KLM" not in printed
    return {hold["hold_id"]: hold for hold in map(json.loads, printed.splitlines())}


def sweep(settings: Settings) -> None:
    """A round of filling holds and sweeping, as the storage process does, on the same stores and ledger."""
    codec = load_codec(settings)
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(settings)))
        migrate(store.client())
        kept = Kept(store=store, pictures=PictureStore(settings), places=[])
        ledger = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_holds, HoldsState())))
        if not store.client().query("SELECT count() FROM reads").result_rows[0][0]:
            insert_reads(store, codec, a_read(1, plate="KLM0I5"))
        Retention(settings, kept, ledger, ListedPlates(), SystemClock()).round()


@pytest.mark.rule("retention.inactive", "retention.exculpatory")
def test_holds_from_opening_to_their_end(run: Run, settings: Settings) -> None:
    run("keys", "create")
    case, charge = opened(run), opened(run, hold_kind="exculpatory")
    sweep(settings)
    assert [(hold["reads"], hold["takes_reads"]) for hold in listed(run).values()] == [(1, True), (1, True)]
    run("hold", "attest", case, "--document", "memo-2", "--by", "commander-1", "--days", "200")
    until = datetime.fromisoformat(listed(run)[case]["attested_until"])
    assert timedelta(days=199) < until - datetime.now(UTC) <= timedelta(days=200)
    for words in (
        ("attest", case, "--document", "memo-3", "--by", "commander-1", "--days", "1000"),
        ("dispose", case, "--document", "memo-3", "--by", "commander-1"),
        ("inactive", charge, "--schedule", "s-1", "--destroy-at", "2099-01-01", "--by", "commander-1"),
        ("dispose", str(uuid4()), "--document", "memo-3", "--by", "commander-1"),
    ):
        with pytest.raises(RefusedError):
            run("hold", *words)
    run("hold", "inactive", case, "--schedule", "s-1", "--destroy-at", "2099-01-01", "--by", "commander-1")
    run("hold", "dispose", charge, "--document", "order-1", "--by", "commander-1")
    holds = listed(run)
    assert (holds[case]["destroy_at"], holds[case]["takes_reads"]) == ("2099-01-01T00:00:00+00:00", False)
    assert (holds[charge]["is_disposed"], holds[charge]["takes_reads"]) == (True, False)
    sweep(settings)
    assert {id_: hold["reads"] for id_, hold in listed(run).items()} == {case: 1}
