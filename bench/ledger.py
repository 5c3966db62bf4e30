"""`python -m bench.ledger`: what it costs to export and verify a ledger of 10k, 100k and 1M events.

Events are what a day at the gateway leaves: requests with sealed plates, decisions, answers. The topic is one of a
broker of its own, written in large batches, because only reading is measured.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from confluent_kafka.admin import NewTopic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.public import PrivateKey

from platestream.settings import KafkaSettings, RegistrySettings, Settings
from schemas.codec import Codec
from streams.clients import admin, producer
from streams.embedded.stack import EmbeddedStack
from streams.ledger.classification import withheld_from_public
from streams.ledger.events import SearchAnswered, SearchDecided, SearchRequested, new_event, search_requested
from streams.ledger.export import write_export
from streams.ledger.proof import Event
from streams.ledger.reading import read_topic
from streams.ledger.sealing import Seals
from streams.ledger.segments import read_segments
from streams.ledger.signing import HeadSigner
from streams.ledger.verification import Verified, verify_events, verify_export
from streams.registry import register_schemas
from streams.topics import create

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
_KINDS = 999  # different events; the rest repeats them at other offsets


def main() -> None:
    counts = [int(count) for count in os.environ.get("EVENTS", "10000,100000,1000000").split(",")]
    ports = {"bootstrap_servers": "127.0.0.1:23092", "controller_port": 23093}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        registry = RegistrySettings(url="http://127.0.0.1:23081/apis/ccompat/v7")
        settings = Settings(home=home, kafka=KafkaSettings.model_validate(ports), registry=registry)
        with EmbeddedStack(settings) as stack:
            values = _values(Codec(register_schemas(stack.registry_url)))
            rows = [_measure(settings, values, count) for count in counts]
    for row in rows:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")
    sys.stdout.write(json.dumps({"bench": "ledger", "rows": rows}) + "\n")


def _measure(settings: Settings, values: Sequence[bytes], count: int) -> dict[str, float]:
    topic, signer = f"ledger-{count}", HeadSigner(Ed25519PrivateKey.generate())
    _write(settings, topic, values, count)
    export = settings.home / f"{topic}.export"
    [segment, *_] = settings.home.rglob(f"{topic}-0/*.log")

    def write() -> int:
        with export.open("wb") as out:
            events = (event for event in read_topic(settings.kafka, topic) if isinstance(event, Event))
            return write_export(events, out, topic=topic, at=AT, signer=signer, withhold=withheld_from_public)

    public_key = signer.public_key
    seconds = {
        "export": _seconds(write),
        "verify_export": _seconds(lambda: _sound(verify_export(export, public_key))),
        "verify_topic": _seconds(lambda: _sound(verify_events(read_topic(settings.kafka, topic), topic))),
        "verify_segments": _seconds(lambda: _sound(verify_events(read_segments(segment.parent), topic))),
        "verify_against": _seconds(
            lambda: _sound(verify_events(read_topic(settings.kafka, topic), topic, public_key, export))
        ),
    }
    return {"events": count, "export_mb": round(export.stat().st_size / 1e6), **seconds}


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 2)


def _sound(verified: Verified) -> None:
    if verified.faults:
        raise SystemExit(f"the bench's own ledger does not verify: {verified.faults[0].sentence}")


def _write(settings: Settings, topic: str, values: Sequence[bytes], count: int) -> None:
    create(admin(settings.kafka), [NewTopic(topic, num_partitions=1)])
    writing = producer(settings.kafka, **{"compression.type": "none", "queue.buffering.max.messages": count + 1})
    for at in range(count):
        writing.produce(topic, key=b"subject", value=values[at % len(values)], partition=0)
        writing.poll(0)
    writing.flush()


def _values(codec: Codec) -> list[bytes]:
    seals, values = Seals([PrivateKey.generate().public_key], bytes(32)), list[bytes]()
    for _ in range(_KINDS // 3):
        asked = SearchRequested(
            search_id=uuid4(),
            case_number="26-012345",
            offence="theft of a motor vehicle",
            reason="Locate the stolen car of the complainant",
            factual_basis="Owner reported the car stolen from Rice Street, keys left inside",
            collected_from=AT - timedelta(7),
            collected_until=AT,
            row_limit=100,
        )
        values += [codec.encode(event) for event in _search(asked, asked.search_id, seals)]
    return values


def _search(asked: SearchRequested, search_id: UUID, seals: Seals) -> list[object]:
    decided = SearchDecided(search_id=search_id, is_allowed=True, rule="query.log", sentence="In order.")
    answered = SearchAnswered(search_id=search_id, outcome="answered", row_count=10, is_truncated=False)
    return [
        search_requested(asked, {"plate": "KLM0I5"}, at=AT, person_id="analyst-7", seals=seals),
        new_event(decided, at=AT, actor_id="gateway", subject_id=str(search_id)),
        new_event(answered, at=AT, actor_id="analyst-7", subject_id=str(search_id), sealed=seals.seal(os.urandom(160))),
    ]


if __name__ == "__main__":
    main()
