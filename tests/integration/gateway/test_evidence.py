"""An evidence package from the real ledger and the real engine, more than one page of reads and alerts long."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest

from gateway.evidence.verify import verify
from platestream.clock import to_ms
from sinks.holds.copying import HeldRows, Scope, WantedPlate
from streams.ledger.export import write_export
from streams.ledger.kafka import TOPIC
from streams.ledger.reading import read_topic
from streams.ledger.restoring import sound
from streams.ledger.signing import load_signer
from tests.asking import PLATE, found_read, keep_reads, let_in
from tests.integration.gateway.conftest import Served

READS = 10_001  # three pages
_FILL = """
INSERT INTO held_reads (hold_id, folded_plate, collected_at, read_id, plate, state, device_id, received_at, latitude,
    longitude, confidence, candidates, pictures)
SELECT {hold:UUID}, 'KLM015', toDateTime64('2026-03-10 12:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number, 3)),
    generateUUIDv4(number), 'KLM0I5', 'MN', 'gantry-1', now64(3, 'UTC'), 44.95, -93.09, 0.91, [], []
FROM numbers({reads:UInt32})
"""


SIGHTINGS = 5_001  # two pages
_ALERT = """
INSERT INTO alerts_landing (plate, collected_at, alert_id, read_id, entry_id, raised_at, status, match_kind,
    state_verdict, priority, notice, state, device_id, received_at, latitude, longitude, list_plate, source, category,
    extracted_at, sighting)
SELECT {plate:String}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), {alert:UUID}, {read:UUID}, 'state:1',
    now64(3, 'UTC') + toIntervalMillisecond(intDiv(number, 3)), 'UNVERIFIED', 'FOLDED', 'AGREES', 2,
    'An indication, to be verified by a person.', 'MN', '=gate', now64(3, 'UTC'), 44.95, -93.09, {plate:String},
    'state-file', 'STOLEN_VEHICLE', now64(3, 'UTC'), number + 1
FROM numbers({sightings:UInt32})
"""
_TOLD = """
INSERT INTO alert_outcomes (alert_id, outcome, verified_by, verified_at)
VALUES ({alert:UUID}, {outcome:String}, 'officer-9', now64(3, 'UTC'))
"""


def open_hold(served: Served, now: datetime) -> UUID:
    let_in(served.ledger, served.clock)
    span = {"collected_from": (now - timedelta(days=400)).isoformat(), "collected_until": now.isoformat()}
    body = {"case_number": "26-1", "document_id": "m", "selection": {"by": "plate", **span}, "plates": [PLATE]}
    return UUID(served.post("/v1/holds", body).json()["hold_id"])


def rows_of(package: Path, name: str) -> list[dict[str, str]]:
    with ZipFile(package) as opened:
        return list(csv.DictReader(io.StringIO(opened.read(name).decode())))


@pytest.mark.rule("evidence.copy", "alert.not-probable-cause")
def test_the_alerts_of_held_reads_are_in_it_with_what_a_person_found_last(
    served: Served, now: datetime, tmp_path: Path
) -> None:
    hold_id, store = open_hold(served, now), served.store
    read, other = found_read(PLATE, now - timedelta(hours=1)), found_read("OTHER1", now - timedelta(hours=1))
    keep_reads(store, [read, other])
    at, told, untold = to_ms(read.collected_at), uuid4(), uuid4()
    for one, alert, sightings in ((read, told, SIGHTINGS), (read, untold, 1), (other, uuid4(), 1)):
        stored = {"plate": one.plate, "at": at, "alert": alert, "read": one.read_id, "sightings": sightings}
        store.client().command(_ALERT, parameters=stored)
    for outcome in ("CONFIRMED_MISREAD", "RECORD_CURRENT"):
        store.client().command(_TOLD, parameters={"alert": told, "outcome": outcome})
    wanted = WantedPlate(hold_id=hold_id, folded_plate="KLM015", from_ms=0, until_ms=at + 1, keeps_suppressed=True)
    HeldRows(store).copy_plates([wanted], Scope())
    HeldRows(store).copy_alerts([hold_id], Scope())
    store.client().command("INSERT INTO held_alerts SELECT * FROM held_alerts")  # each twice
    answer = served.post(f"/v1/holds/{hold_id}/package", {"document_id": "s", "recipient": "defence"})
    assert answer.status_code == 200, answer.text
    package = tmp_path / "package.zip"
    package.write_bytes(answer.content)
    assert list(verify(package, load_signer(served.settings).public_key)) == []
    rows = rows_of(package, "alerts.csv")
    assert [row["raised_at"] for row in rows] == sorted(row["raised_at"] for row in rows)
    assert sorted(int(row["sighting"]) for row in rows if row["alert_id"] == str(told)) == [*range(1, SIGHTINGS + 1)]
    assert {(row["alert_id"], row["outcome"], row["verified_by"]) for row in rows} == {
        (str(told), "RECORD_CURRENT", "officer-9"),
        (str(untold), "", ""),
    }
    assert {(row["read_id"], row["plate"], row["device_id"]) for row in rows} == {(str(read.read_id), PLATE, "'=gate")}
    assert {row["notice"] for row in rows} == {"An indication, to be verified by a person."}


@pytest.mark.rule("evidence.copy")
def test_a_package_of_many_reads_verifies_against_the_ledger(served: Served, now: datetime, tmp_path: Path) -> None:
    hold_id = open_hold(served, now)
    parameters = {"hold": hold_id, "reads": READS}
    served.store.client().command(_FILL, parameters=parameters)
    served.store.client().command("INSERT INTO held_reads SELECT * FROM held_reads")  # each read twice
    answer = served.post(f"/v1/holds/{hold_id}/package", {"document_id": "s", "recipient": "prosecutor"})
    assert answer.status_code == 200, answer.text
    package, export = tmp_path / "package.zip", tmp_path / "ledger.txt"
    package.write_bytes(answer.content)
    signer = load_signer(served.settings)
    with export.open("wb") as out:
        events = sound(read_topic(served.settings.kafka, served.topic))
        write_export(events, out, topic=TOPIC, at=now, signer=signer)
    assert list(verify(package, signer.public_key, export)) == []
    rows = rows_of(package, "reads.csv")
    assert len(rows) == len({row["read_id"] for row in rows}) == READS
    assert [row["collected_at"] for row in rows] == sorted(row["collected_at"] for row in rows)
    assert rows[0]["collected_at"] == "2026-03-10T12:00:00.000+00:00"
