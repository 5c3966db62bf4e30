"""One order over the API stops collection, matching and queries of the running pipeline; one act lets them go on."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.access.tokens import issue_token
from platestream.cli.running.preparation import COMMANDER
from platestream.clock import SystemClock
from schemas.plates import fold
from streams.clients import producer
from streams.devices.simulated import Sighting, openalpr_heartbeat, openalpr_results
from streams.hotlists.load import load_hotlist
from tests.matching import a_read
from tests.pipeline import Pipeline, entry, running_stack
from tests.stack import new_home

PLATE = "KLM0I5"
MINUTE = 60


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_stack(new_home(tmp_path_factory)) as running:
        yield running


class Reader:
    """A reader that sees the listed plate, and the people who ask."""

    def __init__(self, pipeline: Pipeline, client: httpx.Client) -> None:
        self.pipeline, self.client = pipeline, client
        self.token = pipeline.add_reader("gantry-1", "openalpr", (44.95, -93.09))
        load_hotlist(pipeline.settings.kafka, pipeline.codec, "test", [entry(PLATE)])

    def post(self, message: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.client.post(f"{self.pipeline.collector_url}/v1/messages/openalpr", json=message, headers=headers)
        assert answer.status_code == 202, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    def see(self, event: str) -> dict[str, Any]:
        return self.post(openalpr_results([Sighting(plate=PLATE, state="MN", at=datetime.now(UTC), uuid=event)]))

    def publish(self, event: str, collected_at: datetime) -> None:
        """A read that comes another way than through the collector."""
        read = a_read(PLATE, event=event, collected_at=collected_at, received_at=collected_at, device_id="gantry-1")
        client = producer(self.pipeline.settings.kafka)
        client.produce("plate-reads", key=fold(PLATE).encode(), value=self.pipeline.codec.encode(read))
        client.flush(10)

    def act(self, kind: str, body: dict[str, str]) -> datetime:
        """An act of the commander; when it was done."""
        token = issue_token(self.pipeline.settings, COMMANDER, timedelta(hours=1), SystemClock())
        answer = self.client.post(
            f"{self.pipeline.gateway_url}/v1/acts/{kind}", json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 201, answer.text
        return datetime.now(UTC)

    def refusal(self) -> str | None:
        """The rule that refuses a search now."""
        try:
            self.pipeline.search(self.client, PLATE)
        except AssertionError as refused:
            return "suspension.order" if "suspension.order" in str(refused) else "another"
        return None

    def found(self) -> int:
        return len(self.pipeline.search(self.client, PLATE))

    def alerts(self) -> int:
        return len(self.pipeline.records("alerts"))

    def metric(self, name: str) -> float:
        url = f"http://127.0.0.1:{self.pipeline.settings.processor.probe_port}/metrics"
        lines = self.client.get(url).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def until(what: str, happens: Callable[[], bool], seconds: float = MINUTE) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


@pytest.fixture
def reader(pipeline: Pipeline) -> Iterator[Reader]:
    with httpx.Client(timeout=30) as client:
        yield Reader(pipeline, client)


@pytest.mark.rule("suspension.order")
def test_one_order_stops_all_use_within_a_minute_and_health_goes_on(pipeline: Pipeline, reader: Reader) -> None:
    pipeline.roles.start()
    reader.see("before")
    until("the first read is stored and alerted", lambda: reader.found() == 1 and reader.alerts() > 0)
    before = datetime.now(UTC)

    reader.act("suspension-ordered", {"document_id": "order-1", "ordered_by": "court"})
    assert reader.refusal() == "suspension.order"
    until("the collector takes nothing", lambda: reader.see(f"meanwhile-{time.time()}")["suspended"] == 1)
    reader.publish("late", before)
    reader.publish("meanwhile", datetime.now(UTC))
    until("reads are not matched", lambda: reader.metric("platestream_processor_suspended_reads_total") >= 2)
    alerts = reader.alerts()
    assert reader.post(openalpr_heartbeat(datetime.now(UTC)))["heartbeat"]
    health = reader.client.get(f"{pipeline.gateway_url}/healthz")
    assert (health.status_code, health.json()["suspended"]) == (200, True)

    reader.act("suspension-lifted", {"document_id": "order-2"})
    until("the collector takes reads", lambda: reader.see("after")["reads"] == 1)
    until("they are matched", lambda: bool(reader.see("after")) and reader.alerts() > alerts)
    until("and found", lambda: reader.found() >= 3)
    assert reader.found() == 3  # before, late and after: none that was collected meanwhile
    assert pipeline.roles.ended() == []
