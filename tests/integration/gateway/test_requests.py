"""`platestream request` on a gateway that is served: access by two people, evidence into a folder, the 5B list."""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from gateway.access.administration import act
from gateway.access.tokens import issue_token
from gateway.client import GatewayClient
from gateway.evidence.verify import verify
from platestream import cli
from platestream.errors import ConfigError, IntegrityError, InvalidMessage, RefusedError
from streams.ledger.people import RoleAssigned
from streams.ledger.signing import public_key_file
from tests.asking import ADMINISTRATOR, ANALYST, COMMANDER, PLATE, found_program, let_in
from tests.integration.gateway.conftest import Served

HOUR = timedelta(hours=1)
NOBODY = "0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11"
Run = Callable[..., Result]


@pytest.fixture
def run(served: Served) -> Run:
    found_program(served.ledger, served.clock)

    def as_person(person_id: str, *arguments: str, stdin: str | None = None) -> Result:
        token = issue_token(served.settings, person_id, HOUR, served.clock)
        line = ["request", "--url", str(served.client.base_url), *arguments]
        return CliRunner().invoke(cli.typer_app, line, env={"GATEWAY_TOKEN": token}, input=stdin)

    return as_person


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.rule("access.approval")
def test_access_is_asked_for_denied_approved_and_authorized_from_the_command_line(served: Served, run: Run) -> None:
    asking = ("access", "--assignment", "auto theft", "--purpose", "stolen cars\n\x1b[2Jchief  forged")
    assert "waits for the commander" in done(run(ANALYST, *asking))
    done(run(ANALYST, *asking))
    first, second = (json.loads(line) for line in done(run(COMMANDER, "list", "--json")).splitlines())
    assert {first["person_id"], second["person_id"]} == {ANALYST}
    assert isinstance(run(ANALYST, "list").exception, RefusedError)
    done(run(COMMANDER, "deny", first["authorization_id"], "--reason", "asked twice"))
    assert "asked twice" in served.events()[-1].body
    shown = done(run(COMMANDER, "list"))
    assert second["authorization_id"] in shown
    assert shown.endswith("1 waiting\n")
    assert (shown.count("\n"), "\x1b" in shown) == (2, False)
    assert isinstance(run(COMMANDER, "deny", first["authorization_id"], "--reason", "x").exception, InvalidMessage)
    approving = ("approve", second["authorization_id"], "--document", "memo-26-17")
    assert isinstance(run(ADMINISTRATOR, *approving).exception, RefusedError)
    assert f"authorize {ANALYST} {second['authorization_id']}" in done(run(COMMANDER, *approving))
    authorizing = ("authorize", ANALYST, second["authorization_id"])
    assert isinstance(run(COMMANDER, *authorizing).exception, RefusedError)  # two acts by two people
    done(run(ADMINISTRATOR, *authorizing))
    [standing] = json.loads(done(run(ADMINISTRATOR, "show", ANALYST)))["authorizations"]
    assert (standing["approved_by"], standing["authorized_by"]) == (COMMANDER, ADMINISTRATOR)
    assert (standing["assignment"], standing["document_id"]) == ("auto theft", "memo-26-17")


@pytest.fixture
def hold_id(served: Served, run: Run, now: datetime) -> UUID:
    let_in(served.ledger, served.clock)
    span = {"collected_from": (now - timedelta(days=40)).isoformat(), "collected_until": now.isoformat()}
    body = {"case_number": "26-1", "document_id": "m", "selection": {"by": "plate", **span}, "plates": [PLATE]}
    return UUID(served.post("/v1/holds", body).json()["hold_id"])


def packaging(hold: object, folder: Path) -> tuple[str, ...]:
    return ("package", str(hold), str(folder), "--document", "subpoena-1", "--recipient", "county-attorney")


@pytest.mark.rule("evidence.copy")
def test_a_package_comes_into_a_folder_whole_or_not_at_all(
    served: Served, run: Run, hold_id: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, folder = public_key_file(served.settings.path(served.settings.gateway.ledger_signing_key_file)), tmp_path / "e"
    folder.mkdir()
    said = done(run(ANALYST, *packaging(hold_id, folder), "--key", str(key)))
    [file] = folder.iterdir()
    assert str(file) in said
    assert "0 reads, 0 alerts" in said
    assert "the signature is the ledger's" in said
    assert list(verify(file)) == []
    assert file.stat().st_mode & 0o077 == 0
    whole, fetched = file.read_bytes(), GatewayClient.evidence
    file.unlink()

    def cut(client: GatewayClient, *rest: object) -> None:
        fetched(client, *rest)  # type: ignore[arg-type]
        out = rest[2]
        out.truncate(len(whole) - 30)  # type: ignore[attr-defined]

    def changed(client: GatewayClient, *rest: object) -> None:
        with ZipFile(rest[2], "w") as out:  # type: ignore[call-overload]
            out.writestr("manifest.json", "{}")

    for other in (cut, changed):
        with monkeypatch.context() as patch:
            patch.setattr(GatewayClient, "evidence", other)
            assert isinstance(run(ANALYST, *packaging(hold_id, folder)).exception, IntegrityError)
    key.write_text("AAAA")
    assert isinstance(run(ANALYST, *packaging(hold_id, folder), "--key", str(key)).exception, ConfigError)
    assert isinstance(run("stranger", *packaging(hold_id, folder)).exception, RefusedError)
    assert isinstance(run(ANALYST, *packaging(NOBODY, folder)).exception, InvalidMessage)
    assert run(ANALYST, *packaging(hold_id, folder / "none")).exit_code == 2
    assert list(folder.iterdir()) == []


@pytest.mark.rule("retention.suppressed")
def test_the_keeper_puts_plates_on_the_list_and_nobody_else(served: Served, run: Run) -> None:
    keeper = RoleAssigned(person_id="keeper-1", role="5b-keeper")
    act(served.ledger, served.clock, keeper, by=COMMANDER, about="keeper-1")
    before = len(served.events())
    adding = ("suppression", "add", "--until", "2030-03-10")
    assert done(run("keeper-1", *adding, stdin="KLM 015\n")).endswith("done\n")
    assert done(run("keeper-1", "suppression", "end", stdin="KLM 015\n")).endswith("done\n")
    deadline = time.monotonic() + 30
    while not (listed := done(run("keeper-1", "suppression", "list"))) or json.loads(listed)["is_in_force"]:
        assert time.monotonic() < deadline, "the list does not follow"
    assert json.loads(listed)["plate"] == "KLM015"
    assert len(served.events()) == before
    refused = run(COMMANDER, *adding, stdin="KLM 015\n")
    assert isinstance(refused.exception, RefusedError)
    assert "KLM" not in refused.output
    assert isinstance(run("keeper-1", *adding, stdin="!\n").exception, InvalidMessage)


def test_errors_are_sentences_with_the_exit_codes_of_all_commands(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATEWAY_TOKEN", raising=False)
    for token, code, words in (("", 2, "Set GATEWAY_TOKEN"), ("none", 1, "cannot be reached")):
        monkeypatch.setenv("GATEWAY_TOKEN", token)
        monkeypatch.setattr(sys, "argv", ["platestream", "request", "--url", "http://127.0.0.1:9", "list"])
        with pytest.raises(SystemExit) as ended:
            cli.app()
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n")) == (code, 1)
        assert words in said
    for command in ("access", "list", "show", "approve", "deny", "authorize", "package"):
        shown = run(ANALYST, command, "--help").output
        assert f"Example: platestream request {command}" in " ".join(shown.split())
