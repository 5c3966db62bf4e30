"""100,000 reads through the whole chain while collector, processor and storage are each killed three times."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from platestream.cli.running.roles import ROLES
from schemas.messages import Alert
from schemas.plates import alert_id, read_id
from streams.devices.simulated import Sighting, openalpr_results
from streams.hotlists.load import load_hotlist
from tests.pipeline import Pipeline, entry, running_stack
from tests.stack import new_home

READS = 100_000
PER_MESSAGE = 50
PLATES = 125
LISTED = 5
KILLS_EACH = 3
READER = "gantry-1"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def plate_of(read: int) -> str:
    return f"KLM{read % PLATES:03d}"


def id_of(read: int) -> UUID:
    return read_id(READER, f"message-{read // PER_MESSAGE}-{read % PER_MESSAGE}")


def message(number: int) -> dict[str, object]:
    reads = range(number * PER_MESSAGE, (number + 1) * PER_MESSAGE)
    at = START + timedelta(milliseconds=50 * number)
    return openalpr_results(
        [Sighting(plate=plate_of(read), state="MN", at=at, uuid=f"message-{number}") for read in reads]
    )


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_stack(new_home(tmp_path_factory)) as running:
        yield running


def send_all(pipeline: Pipeline, token: str) -> None:
    """As a reader does: every message again and again until it is answered 202."""
    headers = {"Authorization": f"Bearer {token}"}

    def send(numbers: Sequence[int]) -> None:
        with httpx.Client(base_url=pipeline.collector_url, headers=headers, timeout=10) as client:
            for number in numbers:
                while not was_taken(client, number):
                    time.sleep(0.1)

    messages = range(READS // PER_MESSAGE)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, [messages[start::4] for start in range(4)]))


def was_taken(client: httpx.Client, number: int) -> bool:
    try:
        return client.post("/v1/messages/openalpr", json=message(number)).status_code == 202
    except httpx.TransportError:
        return False


def kill_in_turn(pipeline: Pipeline, kills: list[str]) -> None:
    """Each role three times, in a random order, at random moments while messages are under way."""
    order = random.sample(ROLES * KILLS_EACH, len(ROLES) * KILLS_EACH)
    for role in order:
        time.sleep(random.uniform(0.2, 2.0))
        pipeline.roles.children[role].kill()
        kills.append(role)
        pipeline.roles.restart(role)


def test_every_read_once_and_every_alert(pipeline: Pipeline) -> None:
    token = pipeline.add_reader(READER, "openalpr", (44.95, -93.09))
    listed = [plate_of(number) for number in range(LISTED)]
    load_hotlist(pipeline.settings.kafka, pipeline.codec, "test", [entry(plate, "MN") for plate in listed])
    pipeline.roles.start()
    kills: list[str] = []
    sender = threading.Thread(target=send_all, args=(pipeline, token))
    sender.start()
    kill_in_turn(pipeline, kills)
    sender.join()
    assert Counter(kills) == dict.fromkeys(ROLES, KILLS_EACH)
    assert_every_read_is_found_once(pipeline)
    assert_every_alert_is_there(pipeline, set(listed))


def assert_every_read_is_found_once(pipeline: Pipeline) -> None:
    expected: dict[str, list[str]] = {}
    for read in range(READS):
        expected.setdefault(plate_of(read), []).append(str(id_of(read)))
    deadline = time.monotonic() + 90
    with httpx.Client() as client:
        for plate, ids in expected.items():
            while len(found := [row["read_id"] for row in pipeline.search(client, plate)]) < len(ids):
                assert time.monotonic() < deadline, "reads are missing"
                time.sleep(0.5)
            assert sorted(found) == sorted(ids)


def assert_every_alert_is_there(pipeline: Pipeline, listed: set[str]) -> None:
    """All reads of a plate are one passage: one alert, and each other read a sighting of it, however often resent."""
    expected = {
        (plate_of(read), str(id_of(read)), entry(plate_of(read), "MN").entry_id)
        for read in range(READS)
        if plate_of(read) in listed
    }
    deadline = time.monotonic() + 90
    while len(found := alerts_in(pipeline)) < len(expected):
        assert time.monotonic() < deadline, f"{len(expected) - len(found)} of {len(expected)} sightings are missing"
        time.sleep(1)
    assert {(alert.plate, str(alert.read_id), alert.entry_id) for alert in found.values()} == expected
    assert len(found) == len(expected)
    first = {alert.alert_id: alert for alert in found.values() if alert.sighting == 1}
    assert {alert.plate for alert in first.values()} == listed
    assert all(alert_id(alert.read_id, alert.entry_id) == id_ for id_, alert in first.items())
    sightings = sorted((alert.plate, alert.sighting) for alert in found.values())
    assert sightings == sorted((plate, 1 + number) for plate in listed for number in range(READS // PLATES))


def alerts_in(pipeline: Pipeline) -> dict[tuple[UUID, int], Alert]:
    """The messages of the alerts topic by what identifies them; doubles must say the same."""
    found: dict[tuple[UUID, int], Alert] = {}
    for _, value in pipeline.records("alerts"):
        alert: Alert = pipeline.codec.decode(value)
        known = found.setdefault((alert.alert_id, alert.sighting), alert)
        assert known.read_id == alert.read_id
    return found
