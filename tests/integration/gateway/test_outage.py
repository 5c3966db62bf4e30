"""The broker goes away as in a loss of power, and comes back. In between there is no data."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from platestream.errors import TransientError
from schemas.codec import Codec
from sinks.clickhouse.store import Store
from streams.embedded.stack import EmbeddedStack
from streams.registry import register_schemas
from tests.asking import PLATE, let_in, search_body
from tests.integration.gateway.conftest import Served, serve
from tests.stack import stack_settings

DEADLINE_SECONDS = 60
WRITTEN = ["search-requested", "search-decided", "search-answered"]


@pytest.mark.rule("query.log")
def test_without_the_broker_there_is_no_data_and_with_it_again_nothing_is_lost(
    store: Store, tmp_path: Path, now: datetime
) -> None:
    with EmbeddedStack(stack_settings(tmp_path / "own")) as own:
        codec = Codec(register_schemas(own.registry_url))
        with serve(own.settings, store, codec, timeout_seconds=3) as served:
            served.keep(PLATE, now - timedelta(hours=1))
            until(lambda: is_let_in(served))
            until(lambda: is_answered(served, now))
            before = served.events()
            own.broker.kill()
            check_nothing_is_told(served, now)
            own.broker.start()
            own.broker.wait_ready()
            until(lambda: is_answered(served, now))
            after = served.events()
    assert after[: len(before)] == before
    assert [event.kind for event in after[-3:]] == WRITTEN


def check_nothing_is_told(served: Served, now: datetime) -> None:
    started = time.monotonic()
    answer = served.search(search_body(now))
    assert time.monotonic() - started < 10
    assert answer.status_code == 503
    assert PLATE not in answer.text
    assert served.client.get("/healthz").json() == {
        "ledger": False,
        "replay": False,
        "store": True,
        "suspended": None,
    }


def is_let_in(served: Served) -> bool:
    try:
        let_in(served.ledger, served.clock)
    except TransientError:
        return False
    return True


def is_answered(served: Served, now: datetime) -> bool:
    answer = served.search(search_body(now))
    assert answer.status_code in {200, 503}
    return answer.status_code == 200


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
