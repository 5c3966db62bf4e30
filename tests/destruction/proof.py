"""`make destruction-proof`: plates through the whole running pipeline, the clock set ahead, then every byte searched.

Twice: with compression off everywhere, so that a plain search is a proof; then as shipped, decompressing what is
found. Before the sweep each plate and each picture must be found; after it none, but the held plate in its hold, and
what the hold keeps must still open. A plate that is suppressed must be gone before its day. The last line is one JSON
object; exit code 1 when something is where it may not be, or is not where it must be. What this does not prove is in
docs/threat-model.md.
"""

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from platestream.cli.running.roles import Roles
from platestream.clock import SystemClock
from platestream.secret_files import write_secret
from platestream.settings import Settings
from schemas.messages import AlertOutcome, Outcome
from schemas.topics import topics
from sinks.backup.making import BackupMaker
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldActs, Named, load_hold_seals
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from streams.clients import admin, producer
from streams.hotlists.load import load_hotlist
from streams.ledger.kafka import TOPIC, KafkaLedger
from streams.ledger.reading import read_topic
from streams.suppressions.secrecy import load_suppression_key
from streams.suppressions.writing import SuppressionKeeper
from tests.destruction.planted import (
    PLATES,
    kept_pictures,
    picture_name,
    picture_patterns,
    plate_patterns,
    post_all,
)
from tests.destruction.search import Hits, Patterns, search
from tests.holding import by_plate, opened_hold
from tests.pipeline import Pipeline, entry, fresh_settings, running_stack

READER = "proof-gate"
AHEAD_DAYS = 62
SECONDS = 180
_LISTED = ("kafka/data/hotlist-entries-",)  # the list itself is no read: its entry goes when it is taken off the list

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str) -> T:
    """What the condition gives once that is true. Raises TimeoutError when it does not come about."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come about within {SECONDS} s")
        time.sleep(1)
    return found


def all_patterns() -> Patterns:
    return {**plate_patterns(), **picture_patterns()}


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
    with closing(Store(settings)) as store:
        client = store.client()
        migrate(client)
        tables = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        )
        for (table,) in tables.result_rows:
            client.command(f"ALTER TABLE {table} MODIFY SETTING compress_marks = 0, compress_primary_key = 0")
            columns = client.query(
                "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
                parameters={"table": table},
            )
            for name, kind in columns.result_rows:
                client.command(f"ALTER TABLE {table} MODIFY COLUMN {name} {kind} CODEC(NONE)")


def found_in(home: Path, patterns: Patterns, place: str) -> Hits | None:
    """Hits of all patterns within a part of home, None until each is there."""
    hits = search(home / place, patterns)
    return hits if all(hits.values()) else None


def verify_the_alert(pipeline: Pipeline) -> None:
    """Somebody verifies the alert of the plate that is listed."""
    wait_for(lambda: pipeline.records("alerts"), "the alert")
    alert = pipeline.codec.decode(next(value for _, value in pipeline.records("alerts")))
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


def holds_of(pipeline: Pipeline) -> KafkaLedger[HoldsState]:
    return KafkaLedger(pipeline.settings.kafka, pipeline.codec, fold_holds, HoldsState())


def hold_one(pipeline: Pipeline) -> UUID:
    """An investigation holds one of the plates, its read and pictures; the hold's id."""
    clock, hold_id = SystemClock(), uuid4()
    with closing(holds_of(pipeline)) as ledger:
        acts = HoldActs(ledger, clock, load_hold_seals(pipeline.settings), pipeline.settings.retention)
        until = clock.now() + timedelta(days=365)
        opened = opened_hold(by_plate(clock.now()), clock.now(), hold_id=hold_id, attested_until=until)
        acts.open(opened, Named(plates=(PLATES["held"],)))
    probe = f"http://127.0.0.1:{pipeline.settings.storage.probe_port}/metrics"
    wait_for(lambda: "platestream_storage_held_reads 1.0" in httpx.get(probe).text, "the held read")
    pictures = PictureStore(pipeline.settings)
    wait_for(lambda: len(pictures.listed(hold_id)) == len(kept_pictures("held")), "the held pictures")
    return hold_id


def suppress_one(pipeline: Pipeline, home: Path) -> None:
    """One of the plates is suppressed, and gone from everywhere soon after. Raises TimeoutError when it is not."""
    settings = pipeline.settings
    keeper = SuppressionKeeper(settings.kafka, pipeline.codec, load_suppression_key(settings), SystemClock())
    keeper.suppress(PLATES["suppressed"])
    wanted = {name: pattern for name, pattern in all_patterns().items() if name.endswith("suppressed")}
    wait_for(lambda: not any(search(home, wanted).values()), "the end of the suppressed plate and its pictures")


def back_up(pipeline: Pipeline) -> Path:
    """A backup of ledger and holds, made while storage stands still; its folder."""
    settings, key = pipeline.settings, pipeline.settings.home / "keys" / "backup.key"
    write_secret(key, secrets.token_bytes(32))
    with closing(holds_of(pipeline)) as ledger, closing(Store(settings)) as store:
        maker = BackupMaker(settings=settings, store=store, pictures=PictureStore(settings), clock=SystemClock())
        events = read_topic(settings.kafka, TOPIC)
        folder, manifest = maker.make(settings.home / "medium", key, ledger.replay_all(), events)
    assert manifest.holds and folder.exists()
    return folder


def sweep_ahead(pipeline: Pipeline) -> None:
    """Start the roles with their clock set ahead, and wait for the certificate of that day.

    The broker's clock stays: the days for which it keeps alerts and dead letters are cut down to a second.
    """
    roles = Roles(pipeline.settings.model_copy(update={"clock_ahead_days": AHEAD_DAYS}))
    pipeline.roles.children.update(roles.children)
    roles.start()
    set_topics(pipeline.settings, ["alerts", "dead-letters"], "retention.ms", "1000")
    wanted = datetime.now(UTC) + timedelta(days=AHEAD_DAYS - 60)
    with closing(holds_of(pipeline)) as ledger:

        def is_certified() -> bool:
            certified = ledger.replay_all().certified_before
            return certified is not None and certified > wanted - timedelta(days=1)

        wait_for(is_certified, "the certificate")


def misplaced(home: Path) -> Hits:
    """Hits that may not be: all but the list's own, and those of the held plate within the tables of holds."""
    held = tuple(
        str(path.resolve().relative_to(home.resolve()))
        for path in (home / "clickhouse" / "data" / "default").iterdir()
        if path.name in {"held_reads", "held_alerts"}
    )
    found: Hits = {}
    for name, files in search(home, all_patterns()).items():
        allowed = {"held": held, "verified": _LISTED}.get(name, ())
        found[name] = [file for file in files if not str(file).startswith(allowed)] if allowed else files
    return found


def left_over(home: Path) -> Hits:
    """What is misplaced when nothing is any more, or patience ends."""
    deadline = time.monotonic() + SECONDS
    while any((left := misplaced(home)).values()) and time.monotonic() < deadline:
        time.sleep(2)
    return left


def opened_pictures(pipeline: Pipeline, hold_id: UUID) -> set[bytes]:
    """The pictures of a hold, opened."""
    store = PictureStore(pipeline.settings)
    return {store.read(hold_id, read_id, kind) for read_id, kind in store.listed(hold_id)}


def counted(hits: Hits) -> dict[str, int]:
    return {name: len(files) for name, files in hits.items()}


def run(name: str, is_compressed: bool, home: Path) -> dict[str, Any]:
    """One whole proof. Raises TimeoutError when a step does not come about."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True)
    os.environ["TMPDIR"] = str(temporary)  # temporary files of the roles are searched, too
    with running_stack(home, proof_settings(home)) as pipeline:
        if not is_compressed:
            take_compression_off(pipeline.settings)
        token = pipeline.add_reader(READER, "openalpr", (44.95, -93.09))
        load_hotlist(pipeline.settings.kafka, pipeline.codec, "test", [entry(PLATES["verified"], "MN")])
        pipeline.roles.restart("collector")
        post_all(pipeline.collector_url, token, datetime.now(UTC))
        topics_before = wait_for(
            lambda: found_in(home, all_patterns(), "kafka/data"), "all plates and pictures on the topics"
        )
        pipeline.roles.restart("processor")
        pipeline.roles.restart("storage")
        stored_before = wait_for(
            lambda: found_in(home, plate_patterns(), "clickhouse/store"), "all plates in ClickHouse"
        )
        with httpx.Client() as client:
            wait_for(lambda: len(pipeline.search(client, PLATES["searched"])) == 1, "the read that was searched for")
        verify_the_alert(pipeline)
        hold_id = hold_one(pipeline)
        suppress_one(pipeline, home)
        pipeline.roles.stop()
        backup = back_up(pipeline)
        sweep_ahead(pipeline)
        left = left_over(home)
        held = search(home, plate_patterns())["held"]
        opened = opened_pictures(pipeline, hold_id)
    return {
        "run": name,
        "files_searched": sum(1 for file in home.rglob("*") if file.is_file()),
        "files_with_hits_on_topics_before": counted(topics_before),
        "files_with_hits_in_clickhouse_before": counted(stored_before),
        "misplaced_hits_after": {name: [str(file) for file in found] for name, found in left.items()},
        "held_hits_after": len(held),
        "are_held_pictures_whole": opened == kept_pictures("held"),
        "is_backup_destroyed": not backup.exists(),
    }


def is_proved(result: Mapping[str, Any]) -> bool:
    """Whether all was there before, and after only what is held."""
    wanted = {*PLATES, *map(picture_name, PLATES)}
    before, stored = result["files_with_hits_on_topics_before"], result["files_with_hits_in_clickhouse_before"]
    left = result["misplaced_hits_after"]
    return bool(
        all(before.get(name) for name in wanted)
        and all(stored.get(name) for name in PLATES)
        and left.keys() == wanted
        and not any(left.values())
        and result["held_hits_after"]
        and result["are_held_pictures_whole"]
        and result["is_backup_destroyed"]
    )


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
