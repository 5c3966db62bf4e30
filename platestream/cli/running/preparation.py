"""What the demo needs before it runs: keys, readers, a hotlist, an analyst who may search. Safe to repeat."""

import csv
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from gateway.access.administration import authorize, record_training
from gateway.access.decisions import check_authorized, check_trained, limits_of
from gateway.access.state import AccessState, fold_access
from platestream.cli.device import add_device
from platestream.cli.hotlist import load_list
from platestream.cli.keys import create_keys
from platestream.cli.running.fleet import READERS
from platestream.clock import Clock
from platestream.errors import RefusedError
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings
from schemas.codec import Codec
from streams.ledger.events import AuthorizationGranted, TrainingRecorded
from streams.ledger.kafka import KafkaLedger

ANALYST = "demo-analyst"
_COMMANDER, _ADMINISTRATOR, _TRAINER = "demo-commander", "demo-administrator", "demo-trainer"
_YEAR = timedelta(days=365)
_DEMO = Path(__file__).with_name("demo")


def prepare_keys(settings: Settings) -> None:
    """Make the gateway's keys when they are missing."""
    create_keys(settings, "auditor", None)


def prepare_readers(settings: Settings) -> Mapping[str, str]:
    """Put the demo readers into the device registry once; their credentials by id."""
    file = settings.home / "demo" / "credentials.json"
    if not file.exists():
        tokens = {
            reader.id: add_device(settings, reader.id, reader.vendor, reader.place, "America/Chicago")
            for reader in READERS
        }
        write_secret(file, json.dumps(tokens).encode())
    credentials: Mapping[str, str] = json.loads(read_secret(file))
    return credentials


def listed_plates() -> list[tuple[str, str | None]]:
    """Plate and state of the demo list."""
    with (_DEMO / "hotlist.csv").open() as lines:
        return [(row["PlateNumber"], row["PlateState"] or None) for row in csv.DictReader(lines)]


def prepare_hotlist(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Put the demo list in force."""
    with (_DEMO / "hotlist.csv").open() as lines:
        load_list(settings, codec, lines, _DEMO / "hotlist.toml", clock.now(), force=True)


def prepare_analyst(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Authorize and train the demo analyst, unless the ledger says so already."""
    ledger = KafkaLedger(settings.kafka, codec, fold_access, AccessState())
    try:
        state, now = ledger.replay_all(), clock.now()
        try:
            check_authorized(state, ANALYST, now, limits_of(settings.gateway))
            check_trained(state, ANALYST, now)
        except RefusedError:
            authorize(ledger, clock, _authorization(now))
            record_training(ledger, clock, _training(now))
    finally:
        ledger.close()


def _authorization(now: datetime) -> AuthorizationGranted:
    return AuthorizationGranted(
        person_id=ANALYST,
        document_id="demo-memo-1",
        assignment="demonstration",
        approved_by=_COMMANDER,
        authorized_by=_ADMINISTRATOR,
        from_at=now,
        until_at=now + _YEAR,
    )


def _training(now: datetime) -> TrainingRecorded:
    return TrainingRecorded(
        person_id=ANALYST, trained_by=_TRAINER, document_id="demo-course-1", from_at=now, until_at=now + _YEAR
    )
