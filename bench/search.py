"""`make bench-search`: searches through the gateway over HTTP, with its ledger on a broker, and the same of ClickHouse.

Reads of 60 days are made by the engine. First the store is asked in this process; then `platestream storage` opens it
as in production, and clients ask its gateway. A search that is not answered fails the bench. ROWS=, SEARCHES= change
the size.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from bench.broker import BenchBroker, bench_broker, free_ports
from bench.contenders import Contender, Running, running
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.percentiles import percentile
from bench.report import Figures, exit_code, print_result, print_table, say, step
from bench.searches.asking import NAMES, draw_searches
from bench.searches.filling import fill_reads
from bench.searches.people import acknowledgement_seconds, found_program, let_in
from bench.searches.timing import Ask, GatewayConnection, directly, timed
from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from platestream.cli.keys import create_keys
from platestream.settings import GatewaySettings, RetentionSettings, StorageSettings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from streams.ledger.kafka import KafkaLedger

_ROWS = 100_000_000
_SEARCHES = 200
_CLIENTS = (1, 16)
_START_SECONDS = 120
_PAUSE_SECONDS = 0.2
_COUNT_SECONDS = 900
_IDLE_SECONDS, _IDLE_SHARE = 5, 0.2
_LEDGER = "acknowledgements of the ledger"
_STORAGE = Contender(name="storage", argv=lambda _broker, _group: [sys.executable, "-m", "platestream", "storage"])

Taken = dict[tuple[str, str, int], list[float]]  # seconds by kind of search, way and clients


def main() -> None:
    rows, count = int(os.environ.get("ROWS", _ROWS)), int(os.environ.get("SEARCHES", _SEARCHES))
    machine, now = describe_machine(), datetime.now(UTC)
    say(f"{machine}; {rows:,} reads")
    with exit_code(), bench_broker() as started:
        broker = _with_gateway(started)
        create_keys(broker.settings, "auditor", None)
        taken = _ask_the_store(broker, rows, count, now) | _ask_the_gateway(broker, rows, count, now)
    _report(taken, rows, machine)


def _with_gateway(broker: BenchBroker) -> BenchBroker:
    """Nothing but searches: no sweep, and nobody is refused for a plate drawn twice or for asking fast."""
    gateway_port, probe_port = free_ports(2)
    settings = broker.settings.model_copy(
        update={
            "gateway": GatewaySettings(port=gateway_port, tracking_searches=1_000_000, requests_per_minute=10_000_000),
            "storage": StorageSettings(probe_port=probe_port),
            "retention": RetentionSettings(is_run_here=False),
        }
    )
    return replace(broker, settings=settings)


def _ask_the_store(broker: BenchBroker, rows: int, count: int, now: datetime) -> Taken:
    with closing(Store(broker.settings)) as store:
        migrate(store.client())
        with step(f"filling {rows:,} reads"):
            fill_reads(store, rows, now)
        return _ask("ClickHouse", [directly(store)] * max(_CLIENTS), (rows, count, now))


def _ask_the_gateway(broker: BenchBroker, rows: int, count: int, now: datetime) -> Taken:
    settings = broker.settings
    with closing(KafkaLedger(settings.kafka, broker.codec, fold_access, AccessState())) as ledger:
        found_program(ledger)
        tokens = [let_in(ledger, settings, f"bench-analyst-{number}") for number in range(max(_CLIENTS))]
        with running(_STORAGE, broker, "storage") as process:
            _wait_until_it_answers(settings.gateway.port, process)
            with step("storage counts what it holds, as after each start"):
                _wait_until_idle(process)
            clients = [GatewayConnection(settings.gateway.port, token) for token in tokens]
            taken = _ask("gateway", clients, (rows, count, now))
            searches = draw_searches("plate", count, rows, now, seed=3)
            with step(_LEDGER):
                taken[_LEDGER, "ledger", 1] = acknowledgement_seconds(ledger, settings, searches)
    return taken


def _ask(way: str, clients: Sequence[Ask], size: tuple[int, int, datetime]) -> Taken:
    rows, count, now = size
    taken: Taken = {}
    for name in NAMES:
        timed(clients[:1], draw_searches(name, 10, rows, now, seed=0))  # opens what is opened once
        for at_once in _CLIENTS:
            with step(f"{way}: {name}, {at_once} at once"):
                searches = draw_searches(name, count, rows, now, seed=at_once)
                taken[name, way, at_once] = timed(clients[:at_once], searches)
    return taken


def _wait_until_it_answers(port: int, process: Running) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        process.check()
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(_PAUSE_SECONDS)
    raise BenchError(f"The gateway did not answer within {_START_SECONDS} s.")


def _wait_until_idle(process: Running) -> None:
    deadline, used = time.monotonic() + _COUNT_SECONDS, process.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(_IDLE_SECONDS)
        process.check()
        before, used = used, process.cpu_seconds()
        if used - before < _IDLE_SHARE * _IDLE_SECONDS:
            return
    raise BenchError(f"Storage was not done with counting within {_COUNT_SECONDS} s.")


def _report(taken: Taken, rows: int, machine: str) -> None:
    def milliseconds(name: str, way: str, at_once: int, share: float) -> float:
        return round(percentile(taken[name, way, at_once], share) * 1000, 1)

    lines = [
        (name, *(f"{milliseconds(name, way, at_once, share):.1f}" for way, at_once, share in _COLUMNS))
        for name in NAMES
    ]
    ledger = [milliseconds(_LEDGER, "ledger", 1, share) for share in (0.5, 0.99)]
    lines.append((_LEDGER, "", "", "", "", *(f"{one:.1f}" for one in ledger), "", ""))
    head = ("milliseconds", *(f"{way} {at_once}: p{share * 100:.0f}" for way, at_once, share in _COLUMNS))
    print_table("search", Figures(title=f"Searches in {rows:,} reads of 60 days ({machine})", head=head, rows=lines))
    plate = milliseconds("plate", "gateway", 1, 0.5)
    print_result(
        {
            "bench": "search",
            "rows": rows,
            "overhead_ms": round(plate - milliseconds("plate", "ClickHouse", 1, 0.5) - ledger[0], 1),
            "plate_p50_ms": plate,
            "plate_p99_ms": milliseconds("plate", "gateway", 1, 0.99),
            "ledger_p50_ms": ledger[0],
            "clickhouse_plate_p50_ms": milliseconds("plate", "ClickHouse", 1, 0.5),
            "clickhouse_plate_p99_ms": milliseconds("plate", "ClickHouse", 1, 0.99),
        }
    )


_COLUMNS = [(way, at_once, share) for way in ("ClickHouse", "gateway") for at_once in _CLIENTS for share in (0.5, 0.99)]

if __name__ == "__main__":
    main()
