"""What stays in memory of sorted messages until they are on disk: their bodies, joined, and each one's place on Kafka.

A message of confluent-kafka takes three times the memory of what it holds, and a batch has up to a million. The few
that turn out to be corrupt are fetched again.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Message

from platestream.errors import InvalidMessage
from schemas.framing import HEADER_BYTES
from schemas.versions import Version
from sinks.clickhouse.sorting import Group
from sinks.clickhouse.splice import Block, splice, write_anew
from sinks.intake import offsets_of, partitions_of
from sinks.topic_sink import Place


@dataclass
class Spliced:
    """Bodies that share a header, so a writer's schema. Their lengths are those of the values, header included."""

    version: Version
    header: bytes
    block: Block = field(repr=False)
    lengths: "array[int]" = field(repr=False)
    partitions: "array[int]" = field(repr=False)
    offsets: "array[int]" = field(repr=False)

    @classmethod
    def of(cls, group: Group[Message]) -> "Spliced":
        return cls._of(group.version, group.values, partitions_of(group.messages), offsets_of(group.messages))

    def values(self) -> Iterator[bytes]:
        """The values as they were spliced."""
        at, (_, block) = 0, self.block
        for length in self.lengths:
            end = at + length - HEADER_BYTES
            yield self.header + block[at:end]
            at = end

    def repaired(self) -> tuple["Spliced | None", list[tuple[Place, str]]]:
        """The same without corrupt bodies, all others as a correct writer gives them; and where the corrupt ones were.

        None when nothing is left.
        """
        values: list[bytes] = []
        partitions: list[int] = []
        offsets: list[int] = []
        refused = []
        for value, partition, offset in zip(self.values(), self.partitions, self.offsets, strict=True):
            try:
                values.append(write_anew(self.version, value))
            except InvalidMessage as error:
                refused.append(((partition, offset), error.reason))
                continue
            partitions.append(partition)
            offsets.append(offset)
        return self._of(self.version, values, partitions, offsets) if values else None, refused

    @classmethod
    def _of(
        cls, version: Version, values: Sequence[bytes], partitions: Iterable[int], offsets: Iterable[int]
    ) -> "Spliced":
        return cls(
            version,
            values[0][:HEADER_BYTES],
            splice(values),
            array("I", map(len, values)),
            array("i", partitions),
            array("q", offsets),
        )
