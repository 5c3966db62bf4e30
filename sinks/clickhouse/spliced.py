"""What stays in memory of sorted messages until they are on disk: their bodies, joined, and each one's place on Kafka.

The few that turn out to be corrupt are fetched again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from platestream.errors import InvalidMessage
from schemas.framing import HEADER_BYTES
from schemas.versions import Version
from sinks.clickhouse.sorting import Group
from sinks.clickhouse.splice import Block, splice, write_anew
from sinks.topic_sink import Place
from streams.chunks.records import OFFSET, VALUE, VALUE_END, records_of_values


@dataclass
class Spliced:
    """Bodies of one partition that share a header, so a writer's schema, and how long each body is."""

    version: Version
    partition: int
    header: bytes
    block: Block = field(repr=False)
    lengths: NDArray[np.int32] = field(repr=False)
    offsets: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, group: Group, partition: int) -> "Spliced":
        records, places = group.records, group.records.places
        lengths = (places[:, VALUE_END] - places[:, VALUE] - HEADER_BYTES).astype(np.int32)
        header = (records[0].value or b"")[:HEADER_BYTES]
        return cls(group.version, partition, header, splice(records), lengths, places[:, OFFSET].copy())

    def values(self) -> Iterator[bytes]:
        """The values as they were spliced."""
        at, (_, block) = 0, self.block
        for length in self.lengths.tolist():
            yield self.header + block[at : at + length]
            at += length

    def repaired(self) -> tuple["Spliced | None", list[tuple[Place, str]]]:
        """The same without corrupt bodies, all others as a correct writer gives them; and where the corrupt ones were.

        None when nothing is left.
        """
        values: list[bytes] = []
        offsets: list[int] = []
        refused = []
        for value, offset in zip(self.values(), self.offsets.tolist(), strict=True):
            try:
                values.append(write_anew(self.version, value))
                offsets.append(offset)
            except InvalidMessage as error:
                refused.append(((self.partition, offset), error.reason))
        if not values:
            return None, refused
        return Spliced.of(Group(self.version, records_of_values(values, offsets)), self.partition), refused
