"""One round of holds and destruction as a process of its own, to be killed: HOME BROKER LEDGER_TOPIC AHEAD IDS(JSON).

Says "begun" when it begins and "done" when the round is over.
"""

import json
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

from platestream.service_clock import clock_of
from platestream.settings import KafkaSettings, Settings
from schemas.codec import Codec
from sinks.clickhouse.store import Store
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore
from sinks.retention.service import Retention, keeping
from streams.ledger.kafka import KafkaLedger


class Nobody:
    """No plate is suppressed."""

    def in_force(self, _: datetime) -> frozenset[bytes]:
        return frozenset()


def main(home: str, broker: str, topic: str, ahead_days: str, wire_ids: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=broker)
    settings = Settings(home=Path(home), kafka=kafka, clock_ahead_days=int(ahead_days))
    codec = Codec({record: {int(n): id_ for n, id_ in ids.items()} for record, ids in json.loads(wire_ids).items()})
    with (
        closing(Store(settings)) as store,
        closing(KafkaLedger(kafka, codec, fold_holds, HoldsState(), topic=topic)) as ledger,
    ):
        kept = keeping(settings, store, PictureStore(settings))
        retention = Retention(settings, kept, ledger, Nobody(), clock_of(settings))
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        retention.round()
        sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
