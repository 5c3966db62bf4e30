"""`platestream storage`: steps 6 and 8, kept and asked. Sinks and gateway share one process, which owns the engine."""

import signal
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platestream.settings import Settings
    from sinks.clickhouse.store import Store

NAME = "storage"


def command() -> None:
    """Keep reads and pictures, and answer searches. Stops cleanly on SIGTERM and Ctrl-C."""
    from platestream.logs import set_up_logs
    from platestream.settings import load_settings

    settings = load_settings()
    set_up_logs("storage", settings.log_level)
    stop = _stop_at_a_signal()
    with ExitStack() as stack:
        from gateway.access.folding import fold_access
        from gateway.access.state import AccessState
        from gateway.app import create_gateway
        from gateway.searches.stored import ClickHouseReads
        from gateway.serving import listen, serve_gateway
        from platestream.probe import Probe
        from platestream.service_clock import clock_of
        from sinks.clickhouse.migrate import migrate
        from sinks.clickhouse.store import Store
        from sinks.holds.state import HoldsState, fold_holds
        from sinks.pictures.store import PictureStore
        from sinks.retention.service import keeping, start_retention
        from sinks.service import Into, start_sinks
        from streams.ledger.kafka import KafkaLedger
        from streams.registry import load_codec
        from streams.suppressions.following import following_suppressions

        codec, clock = load_codec(settings), clock_of(settings)
        listening = stack.enter_context(listen(settings.gateway.host, settings.gateway.port))
        probe = stack.enter_context(closing(Probe(settings.storage.probe_port)))
        store = stack.enter_context(closing(Store(settings)))
        migrate(store.client())
        ledger = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_access, AccessState())))
        reads = stack.enter_context(closing(ClickHouseReads(_asked(settings, store, stack), settings.gateway)))
        app = create_gateway(settings, reads, ledger, clock)
        pictures = PictureStore(settings)
        holds = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_holds, HoldsState())))
        following = stack.enter_context(following_suppressions(settings, codec, clock))
        retention = start_retention(settings, keeping(settings, store, pictures), holds, clock, following.plates)
        stack.callback(retention.stop)
        into = Into(store=store, pictures=pictures, suppressed=following.plates, holds=holds)
        sinks = start_sinks(settings, into, codec, clock, probe.beat)
        stack.callback(sinks.stop)

        def check() -> None:
            sinks.check()
            retention.check()
            ledger.check_sound()
            following.check_sound()

        serve_gateway(app, listening, stop, each_turn=check)


def _asked(settings: "Settings", store: "Store", stack: ExitStack) -> "Store":
    """What the gateway asks: as a user who may only read, where the settings name one."""
    from sinks.clickhouse.store import Store, as_reader

    if settings.storage.clickhouse_reader_dsn is None:
        return store
    return stack.enter_context(closing(Store(as_reader(settings))))


def _stop_at_a_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
