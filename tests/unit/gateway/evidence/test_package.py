"""Evidence packages: what is in them, who gets them, and that any change is found by a stranger with one file."""

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.evidence import verify as verifier
from gateway.evidence.verify import leaf, statement, verify
from schemas.messages import PictureKind
from sinks.holds.reading import HeldAlert, HeldRead
from sinks.pictures.store import PictureStore, day_of
from streams.ledger import proof
from streams.ledger.classification import withheld_from_public
from streams.ledger.events import body_of
from streams.ledger.evidence import EvidencePackaged
from streams.ledger.proof import Event, leaf_of
from streams.ledger.signing import public_key_file, read_public_key
from tests.asking import ANALYST, NOW, let_in
from tests.proving import as_stored, exported
from tests.storing import an_image
from tests.unit.gateway.conftest import Asked

PLATE = "KLM0I5"
BODY = {"document_id": "subpoena-26-7", "recipient": "county-attorney"}
SPAN = {"collected_from": "2026-03-01T00:00:00Z", "collected_until": "2026-06-01T00:00:00Z"}


def held_read(*, pictures: tuple[tuple[str, bytes], ...] = ()) -> HeldRead:
    return HeldRead(
        read_id=uuid4(), plate=PLATE, state="MN", collected_at=NOW, received_at=NOW, device_id="gantry-1",
        latitude=44.95, longitude=-93.09, confidence=0.91, classification="private", pictures=pictures,
    )  # fmt: skip


def held_alert(read: HeldRead, **fields: Any) -> HeldAlert:
    return HeldAlert(
        **{
            "alert_id": uuid4(), "sighting": 1, "read_id": read.read_id, "raised_at": NOW, "status": "UNVERIFIED",
            "notice": "An indication, to be verified by a person.", "match_kind": "FOLDED", "state_verdict": "AGREES",
            "priority": 2, "plate": read.plate, "state": "MN", "collected_at": NOW, "device_id": read.device_id,
            "latitude": read.latitude, "longitude": read.longitude, "confidence": 0.91, "matched_candidate": None,
            "list_plate": "KLM015", "list_state": "MN", "source": "state-file", "category": "STOLEN_VEHICLE",
            "case_number": None, "entry_id": "state:1", "extracted_at": NOW, "is_late": False, "is_stale": True,
            "classification": "private", **fields,
        }
    )  # fmt: skip


@dataclass
class Held:
    """A hold with two reads, one of which has raised an alert; one has a picture that is there and one that is not."""

    asked: Asked
    hold_id: UUID
    picture: bytes

    def package(self, person_id: str = ANALYST) -> Any:
        return self.asked.client.post(
            f"/v1/holds/{self.hold_id}/package", json=BODY, headers=self.asked.token(person_id)
        )

    @property
    def key(self) -> bytes:
        settings = self.asked.settings
        return read_public_key(public_key_file(settings.path(settings.gateway.ledger_signing_key_file)))


@pytest.fixture
def held(asked: Asked) -> Iterator[Held]:
    let_in(asked.ledger, asked.clock)
    body = {
        "case_number": "26-012345",
        "document_id": "memo-26-18",
        "selection": {"by": "plate", **SPAN},
        "plates": [PLATE],
    }
    opened = asked.client.post("/v1/holds", json=body, headers=asked.token())
    hold_id = UUID(opened.json()["hold_id"])
    picture = an_image(1)
    there = (PictureKind.PLATE.value, hashlib.sha256(picture).digest())
    missing = (PictureKind.VEHICLE.value, bytes(32))
    read = held_read(pictures=(there, missing))
    PictureStore(asked.settings).write(day_of(read.collected_at), read.read_id, PictureKind.PLATE, picture)
    asked.held.reads[hold_id] = [read, held_read()]
    asked.held.told[hold_id] = [held_alert(read, outcome="RECORD_CURRENT", verified_by="officer-9", verified_at=NOW)]
    yield Held(asked, hold_id, picture)


def saved(content: bytes, folder: Path) -> Path:
    file = folder / "package.zip"
    file.write_bytes(content)
    return file


@pytest.mark.rule("evidence.copy", "share.notice", "alert.not-probable-cause")
def test_a_package_has_all_that_the_hold_keeps_and_is_in_the_ledger(held: Held, tmp_path: Path) -> None:
    answer = held.package()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with ZipFile(io.BytesIO(answer.content)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    assert b"CONFIDENTIAL" in files["NOTICE.txt"]
    lines = files["reads.csv"].decode().splitlines()
    assert len(lines) == 3
    assert f",{PLATE},MN," in lines[1]
    [alert] = csv.DictReader(io.StringIO(files["alerts.csv"].decode()))
    assert (alert["plate"], alert["list_plate"], alert["is_stale"]) == (PLATE, "KLM015", "True")
    assert (alert["status"], alert["notice"]) == ("UNVERIFIED", "An indication, to be verified by a person.")
    assert (alert["outcome"], alert["verified_by"]) == ("RECORD_CURRENT", "officer-9")
    [picture] = [name for name in files if name.startswith("pictures/")]
    assert files[picture] == held.picture
    assert files["missing-pictures.csv"].decode().splitlines()[1].endswith("VEHICLE," + "00" * 32)
    custody = [json.loads(line) for line in files["custody.jsonl"].splitlines()]
    assert [line["kind"] for line in custody] == ["hold-opened", "evidence-requested"]
    manifest = json.loads(files["manifest.json"])
    assert manifest["counts"] == {"reads": 2, "alerts": 1, "pictures": 1, "missing_pictures": 1}
    assert (manifest["recipient"], manifest["case_number"]) == ("county-attorney", "26-012345")
    packaged = body_of(held.asked.ledger.events()[-1])
    assert isinstance(packaged, EvidencePackaged)
    assert (packaged.read_count, packaged.alert_count) == (2, 1)
    assert packaged.manifest_sha256 == hashlib.sha256(files["manifest.json"]).hexdigest()
    assert list(verify(saved(answer.content, tmp_path), held.key)) == []


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_what_a_reader_or_a_list_is_called_runs_in_no_spreadsheet(held: Held, formula: str) -> None:
    read = replace(held.asked.held.reads[held.hold_id][1], device_id=formula)
    held.asked.held.reads[held.hold_id] = [read]
    held.asked.held.told[held.hold_id] = [held_alert(read, source=formula)]
    with ZipFile(io.BytesIO(held.package().content)) as opened:
        for name, column in (("reads.csv", "device_id"), ("alerts.csv", "source")):
            [row] = csv.DictReader(io.StringIO(opened.read(name).decode(), newline=""))
            assert (row[column], row["longitude"]) == (f"'{formula}", "-93.09")


@pytest.mark.rule("evidence.copy")
def test_a_stranger_verifies_it_with_one_file_and_the_public_export(held: Held, tmp_path: Path) -> None:
    asked, package = held.asked, saved(held.package().content, tmp_path)
    export = tmp_path / "ledger.txt"
    export.write_bytes(exported(as_stored(asked.ledger._codec, asked.ledger.events()), withheld_from_public))
    key = tmp_path / "ledger-signing.pub"
    key.write_bytes(base64.b64encode(held.key))
    script = tmp_path / "verify.py"
    script.write_text(Path(verifier.__file__).read_text())

    def run(*options: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", str(script), str(package), *options], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    assert run() == (0, "all agrees; the key was not asked\n")
    assert run("--key", str(key), "--ledger", str(export)) == (0, "all agrees\n")
    key.write_bytes(base64.b64encode(bytes(32)))
    assert run("--key", str(key))[0] == 1
    lines = export.read_text().splitlines()
    export.write_text("\n".join(line for line in lines if "hold-opened" not in line))
    assert run("--ledger", str(export))[1].startswith("event ")


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_of_what_is_inside_is_found(held: Held, tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "package.zip").exists():
        saved(held.package().content, tmp_path)
    original = (tmp_path / "package.zip").read_bytes()
    with ZipFile(io.BytesIO(original)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    name = data.draw(st.sampled_from(sorted(name for name, content in files.items() if content)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    files[name] = files[name][:at] + bytes([files[name][at] ^ bit]) + files[name][at + 1 :]
    changed = tmp_path / "changed.zip"
    with ZipFile(changed, "w") as out:
        for one, content in files.items():
            out.writestr(one, content)
    wrong = list(verify(changed, held.key))
    assert wrong
    assert PLATE not in " ".join(wrong)


def test_what_is_added_taken_out_or_no_package_is_found(held: Held, tmp_path: Path) -> None:
    content = held.package().content
    with ZipFile(io.BytesIO(content)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    changed = tmp_path / "changed.zip"
    for others in ({**files, "more.txt": b"x"}, {name: one for name, one in files.items() if name != "reads.csv"}):
        with ZipFile(changed, "w") as out:
            for name, one in others.items():
                out.writestr(name, one)
        assert list(verify(changed, held.key))
    assert list(verify(saved(b"no zip", tmp_path)))
    assert list(verify(saved(content[:-100], tmp_path)))


def test_the_verifier_hashes_and_signs_as_the_ledger_does() -> None:
    assert leaf(7, b"key", b"value") == leaf_of(Event(7, b"key", b"value")).hex()
    assert statement(7, "ab" * 32, "at", "cd") == proof.statement("evidence", 7, bytes.fromhex("ab" * 32), "at", "cd")


@pytest.mark.rule("evidence.copy", "training.before-use", "suspension.order")
def test_who_may_not_search_gets_no_package_and_is_written_down(held: Held) -> None:
    answer = held.package("somebody-else")
    assert (answer.status_code, answer.json()["rule"]) == (403, "access.list")
    assert [event.kind for event in held.asked.ledger.events()[-2:]] == ["evidence-requested", "act-refused"]


def test_a_hold_that_is_not_open_or_keeps_too_much_gives_none(held: Held) -> None:
    held.asked.held.reads[held.hold_id] = [held_read()] * 100_001
    assert "narrower" in held.package().json()["detail"]
    held.hold_id = uuid4()
    assert (held.package().status_code, held.package().json()["detail"]) == (422, "No hold of this id is open.")


@pytest.mark.rule("evidence.copy")
def test_a_picture_that_is_not_what_its_read_says_stops_the_package(held: Held) -> None:
    read = held.asked.held.reads[held.hold_id][0]
    PictureStore(held.asked.settings).write(day_of(NOW), read.read_id, PictureKind.PLATE, an_image(2))
    assert held.package().status_code == 503
    assert held.asked.ledger.events()[-1].kind == "evidence-requested"


def test_with_the_ledger_away_nothing_leaves(held: Held) -> None:
    held.asked.ledger.is_away = True
    assert held.package().status_code == 503
