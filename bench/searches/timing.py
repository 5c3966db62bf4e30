"""Times searches, asked one after the other by one client, or by several at once."""

import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.errors import BenchError
from bench.searches.asking import Asked
from gateway.client import PATHS
from sinks.clickhouse.reads import find_reads
from sinks.clickhouse.store import Store

_IDLE_SECONDS = 2

Ask = Callable[[Asked], int]  # gives the number of reads


def directly(store: Store) -> Ask:
    """Asked of the engine in this process, as the gateway asks it."""
    return lambda asked: len(find_reads(store.client(), asked.question))


class GatewayConnection:
    """One person's connection to the gateway, kept open. Only what a client must do is timed."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._used_at = time.monotonic()

    def __call__(self, asked: Asked) -> int:
        """Raises BenchError when it is not answered."""
        if time.monotonic() - self._used_at > _IDLE_SECONDS:  # the gateway closes what is idle for 5 s
            self._connection.close()
        self._connection.request("POST", PATHS[asked.kind], json.dumps(asked.body), self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        self._used_at = time.monotonic()
        if answer.status != http.client.OK:
            raise BenchError(f"The gateway answered {answer.status}: {content[:500]!r}")
        told: dict[str, Any] = json.loads(content)
        return int(told["row_count"])


def timed(clients: Sequence[Ask], searches: Sequence[Asked]) -> list[float]:
    """Seconds of each search, dealt out to clients that ask at the same time.

    Raises BenchError when none of the searches finds anything: it would measure nothing.
    """
    hands = [searches[at :: len(clients)] for at in range(len(clients))]
    with ThreadPoolExecutor(len(clients)) as pool:
        done = [one for hand in pool.map(_ask_all, clients, hands) for one in hand]
    if not any(found for _, found in done):
        raise BenchError("No search found a read; the bench's questions do not fit its reads.")
    return [seconds for seconds, _ in done]


def _ask_all(ask: Ask, searches: Sequence[Asked]) -> list[tuple[float, int]]:
    done = []
    for search in searches:
        started = time.perf_counter()
        found = ask(search)
        done.append((time.perf_counter() - started, found))
    return done
