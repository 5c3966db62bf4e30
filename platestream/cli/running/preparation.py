"""What the demo needs before it runs: keys, readers, a hotlist, an analyst who may search. Safe to repeat."""

import csv
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from gateway.access.administration import act, act_on_plate, new_id
from gateway.access.decisions import decide_person
from gateway.access.folding import fold_access
from gateway.access.limits import limits_of
from gateway.access.state import AccessState
from platestream.cli.device import add_device
from platestream.cli.hotlist import load_list
from platestream.cli.keys import create_keys
from platestream.cli.running.fleet import DEMO_CASE, READERS
from platestream.clock import Clock
from platestream.secret_files import read_secret, write_secret
from platestream.settings import Settings
from schemas.codec import Codec
from streams.ledger.kafka import KafkaLedger
from streams.ledger.ledger import Ledger
from streams.ledger.people import AccessApproved, AccessAuthorized, ProgramFounded, RoleAssigned, TrainingRecorded
from streams.ledger.purposes import CaseRegistered, TrackingPermitted
from streams.ledger.sealing import Seals, load_seals

ANALYST = "demo-analyst"
COMMANDER, _ADMINISTRATOR, _TRAINER = "demo-commander", "demo-administrator", "demo-trainer"
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
    """Plate and state of cars that the demo list is about; what a partial plate leaves open is made up."""
    with (_DEMO / "hotlist.csv").open() as lines:
        return [(row["PlateNumber"].replace("?", "7"), row["PlateState"] or None) for row in csv.DictReader(lines)]


def prepare_hotlist(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Put the demo list in force."""
    with (_DEMO / "hotlist.csv").open() as lines:
        load_list(settings, codec, lines, _DEMO / "hotlist.toml", clock.now(), force=True)


def prepare_analyst(settings: Settings, codec: Codec, clock: Clock) -> None:
    """Let the demo analyst search the listed plates, unless the ledger says so already."""
    ledger = KafkaLedger(settings.kafka, codec, fold_access, AccessState())
    try:
        state, limits = ledger.replay_all(), limits_of(settings.gateway)
        if not state.has_commander():
            _found_program(ledger, clock)
        if not decide_person(state, ANALYST, "search", clock.now(), limits).is_allowed:
            _let_in(ledger, clock)
        if DEMO_CASE not in state.cases:
            _open_case(ledger, clock, load_seals(settings))
    finally:
        ledger.close()


def _found_program(ledger: Ledger[AccessState], clock: Clock) -> None:
    founded = ProgramFounded(commander_id=COMMANDER, administrator_id=_ADMINISTRATOR, document_id="demo-appointment-1")
    act(ledger, clock, founded, by="demo-chief", about="program")


def _let_in(ledger: Ledger[AccessState], clock: Clock) -> None:
    """Role, approval, authorization and training: acts of two people."""
    now, authorization_id = clock.now(), new_id()
    span = {"from_at": now, "until_at": now + _YEAR}
    approved = AccessApproved.model_validate(
        span
        | {
            "authorization_id": authorization_id,
            "person_id": ANALYST,
            "document_id": "demo-memo-1",
            "assignment": "demonstration",
            "purpose": "auto theft",
        }
    )
    trained = {"person_id": ANALYST, "trained_by": _TRAINER, "document_id": "demo-course-1"}
    act(ledger, clock, RoleAssigned(person_id=ANALYST, role="investigator"), by=COMMANDER, about=ANALYST)
    act(ledger, clock, approved, by=COMMANDER, about=ANALYST)
    authorized = AccessAuthorized(authorization_id=authorization_id, person_id=ANALYST)
    act(ledger, clock, authorized, by=_ADMINISTRATOR, about=ANALYST)
    act(ledger, clock, TrainingRecorded.model_validate(span | trained), by=_ADMINISTRATOR, about=ANALYST)


def _open_case(ledger: Ledger[AccessState], clock: Clock, seals: Seals) -> None:
    """The demo's case, and a warrant for each listed plate: they are searched for again and again."""
    case = CaseRegistered(case_number=DEMO_CASE, offence_category="stolen-vehicle")
    for plate, _ in listed_plates():
        permitted = TrackingPermitted(
            permit_id=new_id(),
            person_id=ANALYST,
            case_number=DEMO_CASE,
            basis="warrant",
            warrant_number="demo-warrant-1",
            text="A judge of the demonstration lets its stolen cars be followed",
            until_at=clock.now() + _YEAR,
        )
        act_on_plate(ledger, clock, permitted, by=_ADMINISTRATOR, plate=plate, seals=seals)
    act(ledger, clock, case, by=_ADMINISTRATOR, about=DEMO_CASE)
