"""A Faust global table that follows a compacted topic which others write to.

Each worker reads all of the topic. What the table holds is kept by `apply`, outside Faust's store; no agent writes it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from faust.tables.globaltable import GlobalTable
from faust.types import TP, AppT

from platestream.ending import end_process
from streams.chunks.chunk import Chunk
from streams.chunks.records import Records
from streams.workers.topic import raw_topic

Apply = Callable[[Records], None]

_SLICE_RECORDS = 2_048  # fewer than of reads: a message that must be looked at closely takes 50 times as long


def one_by_one(apply: Callable[[bytes | None, bytes | None], None]) -> Apply:
    """For a table that takes key and value of one message at a time."""

    def apply_all(records: Records) -> None:
        for record in records:
            apply(record.key, record.value)

    return apply_all


class FollowedTable(GlobalTable):
    """Feeds `apply` with the messages of `topic` (one partition), once and in order."""

    logger = logging.getLogger("faust.table")

    def __init__(self, app: AppT, *, name: str, topic: str, apply: Apply) -> None:
        self._topic = topic
        self._apply = apply
        self._applied: int | None = None
        # with other values Faust recovers global tables of several workers for ever
        super().__init__(app, name=name, partitions=1, is_global=True, recovery_buffer_size=1)

    async def follow(self, chunks: Iterable[Chunk]) -> None:
        """Apply fetched chunks; what was already applied is passed over. An error would leave a wrong table: end."""
        try:
            for chunk in chunks:
                for records in chunk.slices(_SLICE_RECORDS):
                    self._apply(records.since(self.next_offset))
                    self._applied = max(records[-1].offset, self.next_offset - 1)
                    await asyncio.sleep(0)
                self._applied = max(chunk.last_offset, self.next_offset - 1)
        except Exception as error:
            end_process(error)

    @property
    def next_offset(self) -> int:
        """All before it is applied."""
        return 0 if self._applied is None else self._applied + 1

    def persisted_offset(self, _tp: TP) -> int | None:
        """Last offset applied: after a rebalance Faust goes on from there instead of reading the topic again."""
        return self._applied

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Nothing is left to do: what comes this way was followed when it was fetched."""

    def _changelog_topic_name(self) -> str:
        return self._topic

    def _new_changelog_topic(self, **_: Any) -> Any:
        return raw_topic(self.app, self._topic, partitions=1, acks=False)
