"""What the transport overrides or calls in Faust and aiokafka, checked where it is loaded.

Both are pinned, but an installation can hold others. A method that takes other arguments than those the transport was
written for would lose messages instead of failing.
"""

import inspect
from collections.abc import Callable
from typing import Any

from aiokafka.consumer import fetcher
from faust.tables.globaltable import GlobalTable
from faust.transport.drivers import aiokafka as stock
from faust.types.tuples import ConsumerMessage

from platestream.errors import ConfigError

EXPECTED: dict[Callable[..., Any], str] = {
    stock.Consumer.getmany: "self timeout",
    stock.Consumer._getmany: "self active_partitions timeout",
    stock.Consumer._to_message: "self tp record",
    stock.Consumer._add_gap: "self tp offset_from offset_to",
    stock.Consumer._new_offset: "self tp",
    stock.Consumer._new_consumer_thread: "self",
    stock.Consumer.resume_partitions: "self tps",
    stock.Consumer.resume_flow: "self",
    stock.Consumer.on_partitions_revoked: "self revoked",
    stock.Consumer.on_partitions_assigned: "self assigned generation_id",
    stock.AIOKafkaConsumerThread._create_worker_consumer: "self transport",
    stock.AIOKafkaConsumerThread.on_start: "self",
    ConsumerMessage: "topic partition offset timestamp timestamp_type headers key value checksum serialized_key_size "
    "serialized_value_size tp time_in time_out time_total generation_id",
    GlobalTable.persisted_offset: "self tp",
    GlobalTable.apply_changelog_batch: "self batch",
    GlobalTable._changelog_topic_name: "self",
    GlobalTable._new_changelog_topic: "self retention compacting deleting",
    fetcher.PartitionRecords: "tp records aborted_transactions fetch_offset key_deserializer value_deserializer "
    "check_crcs isolation_level",
    fetcher.PartitionRecords._unpack_records: "self",
    fetcher.PartitionRecords._consume_aborted_up_to: "self batch_offset",
    fetcher.PartitionRecords._contains_abort_marker: "self next_batch",
    fetcher.FetchResult: "tp assignment partition_records backoff",
    fetcher.Fetcher.fetched_records: "self partitions timeout max_records",
}


def check_signatures(expected: dict[Callable[..., Any], str] = EXPECTED) -> None:
    """Raises ConfigError naming what has other parameters than this system was written for."""
    found = {called: " ".join(inspect.signature(called).parameters) for called in expected}
    others = [called.__qualname__ for called, parameters in expected.items() if found[called] != parameters]
    if others:
        raise ConfigError(
            f"Faust or aiokafka is another version than pinned: {', '.join(others)} takes other parameters. "
            "Install what requirements.lock names."
        )
