"""The commands of people, cases and the ledger, on a broker: from a new installation to a verified export."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from platestream.cli import typer_app
from platestream.errors import PlatestreamError, RefusedError
from platestream.secret_files import write_secret
from platestream.settings import environment
from streams.embedded.stack import EmbeddedStack
from streams.ledger import proof
from streams.registry import register_schemas
from streams.topics import create_topics
from tests.stack import new_home, stack_settings

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a stack of its own, where the topic `ledger` is new."""
    settings = stack_settings(new_home(tmp_path_factory))
    with EmbeddedStack(settings) as stack:
        create_topics(settings.kafka)
        register_schemas(stack.registry_url)
        for variable, value in environment(settings).items():
            monkeypatch.setenv(variable, value)

        def run_command(*words: str) -> str:
            result: Result = CliRunner().invoke(typer_app, words)
            if isinstance(result.exception, PlatestreamError):
                raise result.exception
            assert result.exit_code == 0, result.output
            return result.output

        yield run_command


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
    assert (explained["is_allowed"], len(explained["steps"])) == (True, 3)
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
