"""The storage process, steps 6 to 9: sinks, holds, retention and the gateway beside the engine that they share."""

import threading
from contextlib import ExitStack, closing
from typing import Any

from gateway.access.folding import fold_access
from gateway.access.state import AccessState
from gateway.app import create_gateway
from gateway.keeping import Keeping, open_keeping
from gateway.searches.stored import ClickHouseReads
from gateway.serving import listen, serve_gateway
from platestream.clock import Clock
from platestream.probe import Probe
from platestream.service_clock import clock_of
from platestream.settings import Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store, as_reader
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from sinks.retention.service import keeping, start_retention
from sinks.service import Into, start_sinks
from streams.ledger.daily import DailySigning
from streams.ledger.kafka import TOPIC, KafkaLedger
from streams.ledger.signing import load_signer
from streams.registry import load_codec
from streams.suppressions.following import following_suppressions
from streams.suppressions.secrecy import load_suppression_key
from streams.suppressions.writing import SuppressionKeeper


def serve_storage(settings: Settings, stop: threading.Event) -> None:
    """Keep what comes and answer who asks until `stop` is set.

    Raises ConfigError, TransientError or IntegrityError of whatever part cannot begin or go on.
    """
    with ExitStack() as stack:
        codec, clock = load_codec(settings), clock_of(settings)
        listening = stack.enter_context(listen(settings.gateway.host, settings.gateway.port))
        probe = stack.enter_context(closing(Probe(settings.storage.probe_port)))
        store = stack.enter_context(closing(Store(settings)))
        migrate(store.client())
        ledger = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_access, AccessState())))
        ledger.replay_all()  # before a read is kept it must be known when use was suspended
        asked = _asked(settings, store, stack)
        reads = stack.enter_context(closing(ClickHouseReads(asked, settings.gateway)))
        pictures = PictureStore(settings)
        holds = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_holds, HoldsState())))
        following = stack.enter_context(following_suppressions(settings, codec, clock))
        keeper = stack.enter_context(
            closing(SuppressionKeeper(settings.kafka, codec, load_suppression_key(settings), clock))
        )
        kept = open_keeping(
            settings,
            asked,
            clock=clock,
            holds=holds,
            pictures=pictures,
            suppressions=keeper,
            plates=following.plates,
        )
        app = create_gateway(settings, reads, ledger, clock, kept)
        retention = start_retention(settings, keeping(settings, store, pictures), holds, clock, following.plates)
        stack.callback(retention.stop)
        signing = _daily_signing(settings, ledger, kept, clock)
        signing.start()
        stack.callback(signing.stop)
        into = _into(ledger, store=store, pictures=pictures, suppressed=following.plates, holds=holds)
        sinks = start_sinks(settings, into, codec, clock, probe.beat)
        stack.callback(sinks.stop)

        def check() -> None:
            sinks.check()
            retention.check()
            ledger.check_sound()
            signing.check()
            following.check_sound()

        serve_gateway(app, listening, stop, each_turn=check, gateway=settings.gateway)


def _daily_signing(settings: Settings, ledger: KafkaLedger[AccessState], kept: Keeping, clock: Clock) -> DailySigning:
    signer = load_signer(settings)
    return DailySigning(ledger, lambda: ledger.latest().head_signed_at, kept.history, signer, clock, TOPIC)


def _into(ledger: KafkaLedger[AccessState], **places: Any) -> Into:
    return Into(**places, suspensions=lambda: ledger.latest().suspensions)


def _asked(settings: Settings, store: Store, stack: ExitStack) -> Store:
    """What the gateway asks: as a user who may only read, where the settings name one."""
    if settings.storage.clickhouse_reader_dsn is None:
        return store
    return stack.enter_context(closing(Store(as_reader(settings))))
