"""Nothing that was answered 202 is lost, whoever is killed: spool, collector, broker."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import httpx
import pytest

from streams.devices import simulated
from streams.devices.simulated import Sighting
from streams.devices.spool import Spool
from streams.embedded.stack import EmbeddedStack
from tests.integration.streams.devices.conftest import Site, collect, end, opened_site, wait_until
from tests.stack import stack_settings

SENDERS = 4

_PUT_AND_DRAIN = """
import sys, threading
from pathlib import Path
from streams.devices.spool import Record, Spool

spool = Spool(Path(sys.argv[1]), 10**9)
sent = open(sys.argv[2], "ab", buffering=0)
first = int(sys.argv[3])

def drain():
    while True:
        batch = spool.read(after=0, max_records=7, max_bytes=10**6)
        for record in batch:
            sent.write(record.value.split(b" ")[0] + b"\\n")
        spool.remove([record.id for record in batch]).result()

threading.Thread(target=drain, daemon=True).start()
for number in range(first, first + 10**6):
    spool.put([Record(topic="t", key=b"", value=b"%d %s" % (number, b"x" * 3000))]).result()
    print(number, flush=True)
"""


def test_a_spool_killed_while_putting_and_draining_loses_nothing_it_has_taken(tmp_path: Path) -> None:
    sent, taken = tmp_path / "sent", set[int]()
    sent.touch()
    for life in range(3):
        arguments = [str(tmp_path / "spool"), str(sent), str(life * 10**6)]
        process = subprocess.Popen(
            [sys.executable, "-c", _PUT_AND_DRAIN, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        for _ in range(100 + 70 * life):
            taken.add(int(process.stdout.readline()))
        process.kill()
        taken |= {int(line) for line in process.communicate()[0].splitlines()}
    spool = Spool(tmp_path / "spool", 10**9)
    waiting = {int(found.value.split()[0]) for found in spool.read(after=0, max_records=10**6, max_bytes=10**9)}
    spool.close()
    assert taken <= waiting | {int(line) for line in sent.read_text().splitlines()}
    assert len(taken) > 500


class Senders:
    """Readers that post without pause and send again what was not answered 202, as real ones do."""

    def __init__(self, site: Site) -> None:
        self.accepted: set[str] = set()
        self._site = site
        self._stop = threading.Event()

    @contextmanager
    def posting(self) -> Iterator["Senders"]:
        with ThreadPoolExecutor(SENDERS) as pool:
            running = [pool.submit(self._post, sender) for sender in range(SENDERS)]
            try:
                yield self
            finally:
                self._stop.set()
        for one in running:
            one.result()

    def wait_for_more(self, count: int) -> None:
        wanted = len(self.accepted) + count
        wait_until(lambda: len(self.accepted) >= wanted)

    def _post(self, sender: int) -> None:
        number = 0
        with httpx.Client(base_url=self._site.url, headers=self._site.headers, timeout=20) as client:
            while not self._stop.is_set():
                event = f"{sender}-{number}"
                sighting = Sighting(plate=f"QX{sender}{number:04d}", state=None, at=datetime.now(UTC), uuid=event)
                try:
                    answer = client.post("/v1/messages/rekor", json=simulated.rekor_group(sighting))
                except httpx.TransportError:
                    sleep(0.02)
                    continue
                assert answer.status_code == 202
                self.accepted |= set(answer.json()["read_ids"])
                number += 1


def published(site: Site, wanted: set[str]) -> set[str]:
    found = collect(site, "plate-reads", wanted, lambda read: str(read.read_id))  # type: ignore[attr-defined]
    return {str(read.read_id) for _, read in found if read.device_id == site.device_id}  # type: ignore[attr-defined]


def test_a_collector_killed_while_readers_post_loses_nothing_it_accepted(site: Site) -> None:
    with Senders(site).posting() as senders:
        for _ in range(2):
            with site.running() as process:
                senders.wait_for_more(150)
                process.kill()
    with site.running() as process:
        assert published(site, senders.accepted) >= senders.accepted
        wait_until(lambda: b"QX0" not in site.spool_bytes())
        assert end(process)[0] == 0


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Not the shared one: its broker is stopped here."""
    with EmbeddedStack(stack_settings(tmp_path_factory.mktemp("own-stack"))) as started:
        yield started


def test_a_broker_that_is_away_loses_nothing(own_stack: EmbeddedStack, tmp_path: Path) -> None:
    """Also when the collector is stopped and started meanwhile, with the registry away too."""
    settings = own_stack.settings
    with opened_site(tmp_path, settings.kafka, settings.registry) as site:
        senders = Senders(site)
        with ExitStack() as stack:
            with site.running() as first:
                posting = stack.enter_context(ExitStack())
                posting.enter_context(senders.posting())
                senders.wait_for_more(50)
                own_stack.kill_broker()
                own_stack.kill_registry()
                senders.wait_for_more(150)
                code, logged = end(first, signal.SIGTERM)
                assert code == 0, logged
            stack.enter_context(site.running())
            senders.wait_for_more(50)
            own_stack.start_broker()
            senders.wait_for_more(50)
            posting.close()
            assert published(site, senders.accepted) >= senders.accepted
