"""The demo fleet: simulated readers that post real vendor messages, and an analyst who searches now and then.

One vehicle in six bears a plate of the demo hotlist, so that alerts can be watched. All plates are invented.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from platestream.settings import Settings
from streams.devices.scenes import Scene, draw_scene
from streams.devices.simulated import Sighting, openalpr_group, openalpr_heartbeat, openalpr_results, rekor_group

log = logging.getLogger(__name__)

Vehicle = tuple[str, str | None]
"""Plate and state; None for one whose state the reader cannot tell."""

_LISTED_ONE_IN = 6
_HEARTBEAT_SECONDS = 10.0
DEMO_CASE = "26-000042"
_SEARCH_SECONDS = 5.0
_PASSING_PLATES = 200


@dataclass(frozen=True)
class Reader:
    """A simulated reader. `position` is None for one without GPS: the registry knows where it stands."""

    id: str
    vendor: str
    place: tuple[float, float]
    position: tuple[float, float] | None = None


READERS = (
    Reader("demo-bridge-north", "openalpr", (44.9646, -93.0931)),
    Reader("demo-bridge-south", "openalpr", (44.9329, -93.0880)),
    Reader("demo-squad-12", "rekor", (44.9537, -93.0900), position=(44.9511, -93.1022)),
    Reader("demo-ramp-west", "rekor", (44.9479, -93.1120)),
)


class Fleet:
    """Posts at about `reads_per_second` to the settings' collector until it is stopped.

    `credentials` are the tokens by reader id; `listed` are plate and state of listed vehicles.
    """

    def __init__(
        self,
        settings: Settings,
        credentials: Mapping[str, str],
        listed: Sequence[Vehicle],
        reads_per_second: float,
        seed: int | None = None,
    ) -> None:
        self._url = f"http://{settings.collector.host}:{settings.collector.port}"
        self._credentials = credentials
        self._listed = listed
        self._reads_per_second = reads_per_second
        self._chance = random.Random(seed)
        self._passing = [_invent_plate(self._chance) for _ in range(_PASSING_PLATES)]

    def drive(self, stop: threading.Event) -> None:
        """Post until `stop` is set."""
        heartbeat_due = datetime.now(UTC)
        with httpx.Client(base_url=self._url, timeout=10) as client:
            self._post(client, READERS[0], self._message(READERS[0], self._listed[0]))  # for the search to paste
            while not stop.wait(self._chance.expovariate(self._reads_per_second)):
                reader = self._chance.choice(READERS)
                self._post(client, reader, self._message(reader, self._next_vehicle()))
                if datetime.now(UTC) >= heartbeat_due:
                    heartbeat_due = datetime.now(UTC) + timedelta(seconds=_HEARTBEAT_SECONDS)
                    self._post(client, READERS[0], openalpr_heartbeat(datetime.now(UTC)))

    def _next_vehicle(self) -> Vehicle:
        is_listed = self._chance.random() * _LISTED_ONE_IN < 1
        return self._chance.choice(self._listed if is_listed else self._passing)

    def _message(self, reader: Reader, vehicle: Vehicle) -> dict[str, Any]:
        plate, state = vehicle
        sighting = Sighting(
            plate=plate,
            state=state,
            at=datetime.now(UTC),
            uuid=str(uuid4()),
            confidence=self._chance.uniform(0.7, 0.99),
            position=reader.position,
            scene=_scene(plate, state),
        )
        if reader.vendor == "rekor":
            return rekor_group(sighting)
        return openalpr_group(sighting) if self._chance.random() < 0.7 else openalpr_results([sighting])

    def _post(self, client: httpx.Client, reader: Reader, message: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._credentials[reader.id]}"}
        try:
            answer = client.post(f"/v1/messages/{reader.vendor}", json=message, headers=headers)
            if answer.status_code != httpx.codes.ACCEPTED:
                log.warning("the collector answered %s to %s", answer.status_code, reader.id)
        except httpx.HTTPError as error:
            log.warning("the collector cannot be reached by %s (%s)", reader.id, type(error).__name__)


@cache
def _scene(plate: str, state: str | None) -> Scene:
    return draw_scene(plate, state)


def _invent_plate(chance: random.Random) -> Vehicle:
    letters = "".join(chance.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=3))
    return f"{letters}{chance.randrange(1000):03d}", chance.choice(("MN", "MN", "MN", "WI", "IA", None))


def demo_search(plate: str, now: datetime) -> dict[str, str]:
    """A search in order: the last hour of one plate."""
    return {
        "plate": plate,
        "collected_from": (now - timedelta(hours=1)).isoformat(timespec="seconds"),
        "collected_until": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
        "case_number": DEMO_CASE,
        "offence_category": "stolen-vehicle",
        "offence": "theft of a motor vehicle",
        "reason": "Locate the stolen car of the demonstration",
        "factual_basis": "The owner of the demonstration reported it stolen from the ramp with the keys inside",
    }


def search_now_and_then(
    settings: Settings, token: Callable[[], str], listed: Sequence[Vehicle], stop: threading.Event
) -> None:
    """The demo analyst: one search after the other of listed plates until `stop` is set."""
    url = f"http://{settings.gateway.host}:{settings.gateway.port}/v1/searches"
    turn = 0
    with httpx.Client(timeout=10) as client:
        while not stop.wait(_SEARCH_SECONDS):
            plate, _ = listed[turn % len(listed)]
            turn += 1
            try:
                search, headers = demo_search(plate, datetime.now(UTC)), {"Authorization": f"Bearer {token()}"}
                answer = client.post(url, json=search, headers=headers)
                if answer.status_code != httpx.codes.OK:
                    log.warning("the gateway answered %s to the demo analyst", answer.status_code)
            except httpx.HTTPError as error:
                log.warning("the gateway cannot be reached by the demo analyst (%s)", type(error).__name__)
