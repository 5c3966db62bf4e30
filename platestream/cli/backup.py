"""`platestream backup` and `platestream restore`: ledger and held reads, sealed, and destroyed by a date."""

from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from platestream.clock import SystemClock
from platestream.errors import TransientError
from platestream.settings import Settings, load_settings

if TYPE_CHECKING:
    from sinks.clickhouse.store import Store

Key = Annotated[
    Path, typer.Option(help="file with at least 32 random bytes, open to its owner alone; not in the backup")
]


def back_up(folder: Annotated[Path, typer.Argument(help="folder that takes backups")], key: Key) -> None:
    """Back up the ledger and what holds keep. With chDB storage must not run meanwhile."""
    from sinks.backup.making import BackupMaker
    from sinks.holds.state import HoldsState, fold_holds
    from sinks.pictures.store import PictureStore
    from streams.ledger.kafka import TOPIC, KafkaLedger
    from streams.ledger.reading import read_topic
    from streams.registry import load_codec

    settings = load_settings()
    with ExitStack() as stack:
        ledger = stack.enter_context(
            closing(KafkaLedger(settings.kafka, load_codec(settings), fold_holds, HoldsState()))
        )
        store = _store(settings, stack)
        maker = BackupMaker(settings=settings, store=store, pictures=PictureStore(settings), clock=SystemClock())
        try:
            made, manifest = maker.make(folder, key, ledger.replay_all(), read_topic(settings.kafka, TOPIC))
        except OSError as error:
            raise TransientError(f"The backup could not be made: {error}. The sweep destroys what is there.") from None
    print(f"{manifest.ledger_events} events and {len(manifest.holds)} holds are in {made}")
    print(f"it is destroyed by {manifest.destroy_by.isoformat()}; keep its folder within reach until then")


def restore(
    backup: Annotated[Path, typer.Argument(help="folder of one backup, as `platestream backup` printed it")], key: Key
) -> None:
    """Restore ledger and held reads; nothing else may run but broker and registry. Safe to repeat."""
    from sinks.backup.restoring import open_backup, restore_holds, restore_ledger
    from sinks.holds.state import HoldsState, fold_holds
    from sinks.pictures.store import PictureStore
    from streams.ledger.kafka import TOPIC, KafkaLedger
    from streams.registry import load_codec

    settings, now = load_settings(), SystemClock().now()
    codec = load_codec(settings)
    with ExitStack() as stack:
        try:
            opened = open_backup(settings, backup, key, now)
            store = _store(settings, stack)
            written = restore_ledger(opened, settings, TOPIC, codec, store)
            ledger = stack.enter_context(closing(KafkaLedger(settings.kafka, codec, fold_holds, HoldsState())))
            grace = timedelta(days=settings.retention.grace_days)
            kept = store, PictureStore(settings)
            restored = restore_holds(opened, ledger.replay_all(), now, grace, kept)
        except OSError as error:
            raise TransientError(f"The backup could not be restored: {error}. Run it again.") from None
    print(f"{written} events were written, the ledger leads to the head of the backup")
    print(f"{len(restored)} of {len(opened.manifest.holds)} holds stand and have {sum(restored.values())} reads")


def _store(settings: Settings, stack: ExitStack) -> "Store":
    from sinks.clickhouse.migrate import migrate
    from sinks.clickhouse.store import Store

    store = stack.enter_context(closing(Store(settings)))
    migrate(store.client())
    return store
