"""What is overridden or called in aiokafka and Faust, checked where it is loaded.

Both are pinned, but an installation can hold others. A method that takes other arguments than those this system was
written for would lose messages instead of failing.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import conn
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher

from platestream.errors import ConfigError

Signatures = Mapping[Callable[..., Any], str]
"""What is called, and the names of its parameters."""

FETCHING: Signatures = {
    fetcher.PartitionRecords: "tp records aborted_transactions fetch_offset key_deserializer value_deserializer "
    "check_crcs isolation_level",
    fetcher.PartitionRecords._unpack_records: "self",
    fetcher.PartitionRecords._consume_aborted_up_to: "self batch_offset",
    fetcher.PartitionRecords._contains_abort_marker: "self next_batch",
    fetcher.FetchResult: "tp assignment partition_records backoff",
    fetcher.Fetcher.fetched_records: "self partitions timeout max_records",
    fetcher.Fetcher._get_actions_per_node: "self assignment",
    AIOKafkaClient._get_conn: "self node_id group no_hint",
    conn.AIOKafkaConnection.close: "self reason exc",
}


def check_signatures(expected: Signatures) -> None:
    """Raises ConfigError naming what has other parameters than this system was written for."""
    found = {called: " ".join(inspect.signature(called).parameters) for called in expected}
    others = [called.__qualname__ for called, parameters in expected.items() if found[called] != parameters]
    if others:
        raise ConfigError(
            f"Faust or aiokafka is another version than pinned: {', '.join(others)} takes other parameters. "
            "Install what requirements.lock names."
        )
