"""An evidence package from the real ledger and the real engine, more than one page of reads long."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest

from gateway.evidence.verify import verify
from streams.ledger.export import write_export
from streams.ledger.kafka import TOPIC
from streams.ledger.reading import read_topic
from streams.ledger.restoring import sound
from streams.ledger.signing import load_signer
from tests.asking import PLATE, let_in
from tests.integration.gateway.conftest import Served

READS = 10_001  # three pages
_FILL = """
INSERT INTO held_reads (hold_id, folded_plate, collected_at, read_id, plate, state, device_id, received_at, latitude,
    longitude, confidence, candidates, pictures)
SELECT {hold:UUID}, 'KLM015', toDateTime64('2026-03-10 12:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number, 3)),
    generateUUIDv4(number), 'KLM0I5', 'MN', 'gantry-1', now64(3, 'UTC'), 44.95, -93.09, 0.91, [], []
FROM numbers({reads:UInt32})
"""


@pytest.mark.rule("evidence.copy")
def test_a_package_of_many_reads_verifies_against_the_ledger(served: Served, now: datetime, tmp_path: Path) -> None:
    let_in(served.ledger, served.clock)
    span = {"collected_from": (now - timedelta(days=400)).isoformat(), "collected_until": now.isoformat()}
    body = {"case_number": "26-1", "document_id": "m", "selection": {"by": "plate", **span}, "plates": [PLATE]}
    hold_id = served.post("/v1/holds", body).json()["hold_id"]
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
    with ZipFile(package) as opened:
        rows = list(csv.DictReader(io.StringIO(opened.read("reads.csv").decode())))
    assert len(rows) == len({row["read_id"] for row in rows}) == READS
    assert [row["collected_at"] for row in rows] == sorted(row["collected_at"] for row in rows)
    assert rows[0]["collected_at"] == "2026-03-10T12:00:00.000+00:00"
