"""`make destruction-proof`: plates through the whole running pipeline, the clock set ahead, then every byte searched.

Twice: with compression off everywhere, so that a plain search is a proof; then as shipped, decompressing what is
found. Before the sweep each plate must be found, after it none, but the held one in its hold. The last line is one JSON
object; exit code 1 when a plate is where it may not be. What this does not prove is in docs/threat-model.md.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from platestream.cli.running.roles import Roles
from platestream.clock import SystemClock
from platestream.settings import Settings
from schemas.messages import AlertOutcome, Outcome
from schemas.plates import fold
from schemas.topics import topics
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldActs, Named, load_hold_seals
from sinks.holds.state import HoldsState, fold_holds
from streams.clients import admin, producer
from streams.devices.scenes import draw_scene
from streams.devices.simulated import Sighting, openalpr_group
from streams.hotlists.load import load_hotlist
from streams.ledger.kafka import KafkaLedger
from tests.destruction.search import Hits, search
from tests.holding import by_plate, opened_hold
from tests.pipeline import Pipeline, entry, fresh_settings, running_stack

PLATES = {"unlisted": "QZO71I", "verified": "QZO72I", "searched": "QZO73I", "held": "QZO75I"}
READER = "proof-gate"
AHEAD_DAYS = 62
SECONDS = 180
_LISTED = ("kafka/data/hotlist-entries-",)  # the list itself is no read: its entry goes when it is taken off the list


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Raises TimeoutError when it does not come about."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come about within {SECONDS} s")
        time.sleep(1)


def patterns() -> dict[str, tuple[bytes, ...]]:
    """Each plate, plain and folded."""
    return {name: (plate.encode(), fold(plate).encode()) for name, plate in PLATES.items()}


def proof_settings(home: Path) -> Settings:
    """Segments that roll and sweeps that come in seconds."""
    settings = fresh_settings(home)
    return settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={"segment_seconds": 2}),
            "retention": settings.retention.model_copy(update={"truncate_seconds": 2, "sweep_seconds": 2}),
        }
    )


def set_topics(settings: Settings, names: Sequence[str], key: str, value: str) -> None:
    """Set one configuration of some topics."""
    client = admin(settings.kafka)
    change = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    wanted = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[change]) for name in names]
    for done in client.incremental_alter_configs(wanted).values():
        done.result(SECONDS)


def take_compression_off(settings: Settings) -> None:
    """The broker rewrites what producers compressed; the engine writes columns, marks and indices as they are."""
    set_topics(settings, list(topics()), "compression.type", "uncompressed")
    store = Store(settings)
    migrate(store.client())
    tables = store.client().query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    for (table,) in tables.result_rows:
        store.client().command(f"ALTER TABLE {table} MODIFY SETTING compress_marks = 0, compress_primary_key = 0")
        columns = store.client().query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            parameters={"table": table},
        )
        for name, kind in columns.result_rows:
            store.client().command(f"ALTER TABLE {table} MODIFY COLUMN {name} {kind} CODEC(NONE)")
    store.close()


def post_all(pipeline: Pipeline, token: str) -> None:
    now = datetime.now(UTC)
    with httpx.Client(base_url=pipeline.collector_url, headers={"Authorization": f"Bearer {token}"}) as client:
        for number, plate in enumerate(PLATES.values()):
            seen = Sighting(
                plate=plate, state="MN", at=now, uuid=f"proof-{number}", scene=draw_scene(plate, "MN", number)
            )
            client.post("/v1/messages/openalpr", json=openalpr_group(seen), timeout=30).raise_for_status()


def let_things_happen(pipeline: Pipeline) -> None:
    """One is hit and verified, one is searched for, one is held; all are stored."""
    with httpx.Client() as client:
        wait_for(lambda: len(pipeline.search(client, PLATES["searched"])) == 1, "the read that was searched for")
    wait_for(lambda: pipeline.records("alerts"), "the alert")
    value = next(value for _, value in pipeline.records("alerts"))
    alert = pipeline.codec.decode(value)
    outcome = AlertOutcome(
        alert_id=alert.alert_id,
        outcome=Outcome.RECORD_CURRENT,
        verified_by="dispatcher-1",
        verified_at=datetime.now(UTC),
        report_number="26-000099",
    )
    client = producer(pipeline.settings.kafka)
    client.produce("alert-outcomes", pipeline.codec.encode(outcome), key=str(alert.alert_id))
    client.flush(30)
    ledger = KafkaLedger(pipeline.settings.kafka, pipeline.codec, fold_holds, HoldsState())
    clock = SystemClock()
    acts = HoldActs(ledger, clock, load_hold_seals(pipeline.settings), pipeline.settings.retention)
    until = clock.now() + timedelta(days=365)
    acts.open(
        opened_hold(by_plate(clock.now()), clock.now(), hold_id=uuid4(), attested_until=until),
        Named(plates=(PLATES["held"],)),
    )
    ledger.close()
    probe = f"http://127.0.0.1:{pipeline.settings.storage.probe_port}/metrics"
    wait_for(lambda: "platestream_storage_held_reads 1.0" in httpx.get(probe).text, "the held read")


def sweep_ahead(pipeline: Pipeline) -> None:
    """Start the roles anew with their clock set ahead, and wait for the certificate of that day.

    The broker's clock stays: the days for which it keeps alerts and dead letters are cut down to a second.
    """
    pipeline.roles.stop()
    ahead = pipeline.settings.model_copy(update={"clock_ahead_days": AHEAD_DAYS})
    roles = Roles(ahead)
    pipeline.roles.children.update(roles.children)
    roles.start()
    set_topics(pipeline.settings, ["alerts", "dead-letters"], "retention.ms", "1000")
    ledger = KafkaLedger(pipeline.settings.kafka, pipeline.codec, fold_holds, HoldsState())
    wanted = datetime.now(UTC) + timedelta(days=AHEAD_DAYS - 60)

    def is_certified() -> bool:
        certified = ledger.replay_all().certified_before
        return certified is not None and certified > wanted - timedelta(days=1)

    try:
        wait_for(is_certified, "the certificate")
    finally:
        ledger.close()


def misplaced(home: Path) -> Hits:
    """Hits that may not be: all but the list's own, and those of the held plate within the tables of holds."""
    held = tuple(
        str(path.resolve().relative_to(home.resolve()))
        for path in (home / "clickhouse" / "data" / "default").iterdir()
        if path.name in {"held_reads", "held_alerts"}
    )
    found: Hits = {}
    for name, files in search(home, patterns()).items():
        allowed = {"held": held, "verified": _LISTED}.get(name, ())
        found[name] = [file for file in files if not str(file).startswith(allowed)] if allowed else files
    return found


def run(name: str, is_compressed: bool, home: Path) -> dict[str, object]:
    """One whole proof. Raises TimeoutError when a step does not come about."""
    with running_stack(home, proof_settings(home)) as pipeline:
        if not is_compressed:
            take_compression_off(pipeline.settings)
        token = pipeline.add_reader(READER, "openalpr", (44.95, -93.09))
        load_hotlist(pipeline.settings.kafka, pipeline.codec, "test", [entry(PLATES["verified"], "MN")])
        pipeline.roles.start()
        post_all(pipeline, token)
        let_things_happen(pipeline)
        before = search(home, patterns())
        sweep_ahead(pipeline)
        deadline = time.monotonic() + SECONDS
        while any((left := misplaced(home)).values()) and time.monotonic() < deadline:
            time.sleep(2)
        after = search(home, patterns())
    files = sum(1 for file in home.rglob("*") if file.is_file())
    return {
        "run": name,
        "files_searched": files,
        "files_with_hits_before": {plate: len(found) for plate, found in before.items()},
        "misplaced_hits_after": {plate: [str(file) for file in found] for plate, found in left.items()},
        "held_hits_after": len(after["held"]),
    }


def is_proved(result: Mapping[str, object]) -> bool:
    before, left = result["files_with_hits_before"], result["misplaced_hits_after"]
    assert isinstance(before, dict) and isinstance(left, dict)
    return all(before.values()) and not any(left.values()) and bool(result["held_hits_after"])


def main() -> int:
    results = []
    for name, is_compressed in (("uncompressed", False), ("as-shipped", True)):
        with tempfile.TemporaryDirectory() as folder:
            results.append(run(name, is_compressed, Path(folder).resolve() / "home"))
            sys.stdout.write(json.dumps(results[-1], indent=1) + "\n")
    proved = all(is_proved(result) for result in results)
    sys.stdout.write(json.dumps({"proof": "destruction", "proved": proved, "runs": results}) + "\n")
    return 0 if proved else 1


if __name__ == "__main__":
    sys.exit(main())
