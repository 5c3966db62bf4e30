"""A sweep killed with -9 at random moments and begun again: what is due goes, what is held stays, certified once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from platestream.retention import first_kept
from platestream.settings import KafkaSettings
from schemas.codec import Codec
from schemas.messages import PlateRead
from schemas.versions import versions
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import day_of
from streams.ledger.body import Body
from streams.ledger.events import body_of
from streams.ledger.holding import DestructionCertified, DestructionStarted, HoldEnded
from streams.ledger.kafka import KafkaLedger
from streams.ledger.reading import read_topic
from streams.ledger.restoring import sound
from tests.holding import by_plate, changed_hold, hold_acts
from tests.ledger_topic import new_ledger_topic
from tests.retaining import Retained
from tests.storing import NOW, a_read

ROOT = Path(__file__).parents[3]
PROCESS = Path(__file__).with_name("sweep_process.py")
SECONDS = 120
RUNS = 20 if os.environ.get("PLATESTREAM_SOAK") else 1
KILLS = 3
SPAN_SECONDS = 0.3  # the first kill comes within this, each later one may come as much later: a round takes a second
AHEAD_DAYS = 50
OLD_DAYS, YOUNG_DAYS = range(20, 26), range(2)  # 70 days and more, and less than 52, when the clock is set ahead
HELD, ENDING = "KLM015", "XYZ789"


def filled(retained: Retained) -> tuple[list[PlateRead], list[PlateRead]]:
    """Old reads with pictures, then young ones; of each five one is held and one in a hold that ends."""
    plates = ("ABC123", HELD, "DEF456", ENDING, "GHI789")
    old = [
        retained.insert_with_picture(f"old-{day}-{n}", plate=plates[n % 5], collected_at=NOW - timedelta(days=day))
        for day in OLD_DAYS
        for n in range(5)
    ]
    young = [
        retained.insert_with_picture(f"young-{day}-{n}", plate=plates[n % 5], collected_at=NOW - timedelta(days=day))
        for day in YOUNG_DAYS
        for n in range(5)
    ]
    retained.insert(*(a_read(f"many-{n}", collected_at=NOW - timedelta(days=20 + n % 6)) for n in range(2000)))
    return old, young


def of(reads: Sequence[PlateRead], plate: str) -> set[UUID]:
    return {read.read_id for read in reads if read.plate == plate}


class Sweeps:
    """Rounds of the process on one home and one ledger topic."""

    def __init__(self, home: Path, kafka: KafkaSettings, topic: str, codec: Codec) -> None:
        ids = {record: {one.number: codec.wire_id(record) for one in all_} for record, all_ in versions().items()}
        self._arguments = [str(home), kafka.bootstrap_servers, topic, str(AHEAD_DAYS), json.dumps(ids)]

    def start(self) -> subprocess.Popen[bytes]:
        """Returns when the round has begun."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(PROCESS), *self._arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        assert process.stdout and process.stdout.readline() == b"begun\n"
        return process

    def end(self, process: subprocess.Popen[bytes]) -> bytes:
        """What a round that was let run says at its end."""
        said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        return said

    def kill(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the round was cut off: False when it was over before."""
        process.kill()
        said, _ = process.communicate(timeout=SECONDS)
        assert said == b"done\n" or process.returncode == -signal.SIGKILL
        return said == b""


@pytest.mark.parametrize("_run", range(RUNS))
@pytest.mark.rule("retention.sixty-days", "evidence.copy")
def test_killed_at_random_and_begun_again_what_is_due_goes_and_what_is_held_stays(
    kafka: KafkaSettings, codec: Codec, store: Store, tmp_path: Path, _run: int
) -> None:
    topic, home = new_ledger_topic(kafka), tmp_path / "home"
    retained = Retained(store, codec, home)
    with closing(KafkaLedger(kafka, codec, fold_holds, HoldsState(), topic=topic)) as ledger:
        acts = retained.acts = hold_acts(retained.settings, ledger, retained.clock)
        old, young = filled(retained)
        lasting = {"attested_until": NOW + timedelta(days=300)}
        stays = retained.open_hold(by_plate(NOW), Named(plates=(HELD,)), **lasting)
        ends = retained.open_hold(by_plate(NOW), Named(plates=(ENDING,)), hold_kind="exculpatory", **lasting)
        state = ledger.replay_all()
        retained.keeper.follow(state, NOW)
        assert retained.held(ends) == of(old + young, ENDING)
        acts.change(changed_hold(ends, "disposed"))
    store.close()

    sweeps, chance, cut = Sweeps(home, kafka, topic, codec), random.Random(), 0
    while cut < KILLS:
        process = sweeps.start()
        time.sleep(chance.uniform(0, SPAN_SECONDS * (cut + 1)))
        if sweeps.kill(process):
            cut += 1
        else:
            break
    assert sweeps.end(sweeps.start()) == b"done\n"
    assert cut, "no round was cut off"

    after = Retained(Store(retained.settings), codec, home)
    assert after.stored() == {read.read_id for read in young}
    assert after.held(stays) == of(old + young, HELD)
    assert after.held(ends) == set()
    assert {read_id for read_id, _ in after.pictures.listed(stays)} == after.held(stays)
    assert after.pictures.shelves() == {stays, *(day_of(read.collected_at) for read in young)}
    after.store.close()
    check_ledger([body_of(codec.decode(event.value)) for event in sound(read_topic(kafka, topic))], ends, old, young)


def check_ledger(bodies: list[Body | None], ends: UUID, old: list[PlateRead], young: list[PlateRead]) -> None:
    """It began with the counts of before the first kill and was certified once, with those."""
    [started] = [body for body in bodies if isinstance(body, DestructionStarted)]
    [certificate] = [body for body in bodies if isinstance(body, DestructionCertified)]
    assert certificate.collected_before == started.collected_before >= first_kept(NOW + timedelta(days=AHEAD_DAYS), 60)
    destroyed = {place.place: place.destroyed for place in certificate.places}
    assert destroyed == {count.place: count.count for count in started.found}
    assert (destroyed["clickhouse.reads"], destroyed["pictures"]) == (2000 + len(old), len(old) + len(OLD_DAYS))
    assert certificate.held_reads == len(of(old, HELD))
    [ended] = [body for body in bodies if isinstance(body, HoldEnded)]
    assert (ended.hold_id, ended.read_count) == (ends, len(of(old + young, ENDING)))
