"""What is left of messages until they are on disk: the bodies, and where on Kafka each came from."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.messages import PlateRead
from schemas.versions import newest
from sinks.clickhouse.sorting import Group
from sinks.clickhouse.spliced import Spliced
from tests.chunks import records_with
from tests.storing import READS, a_read, messages_of

VERSION = newest("PlateRead")


def spliced_of(codec: Codec, *reads: PlateRead) -> Spliced:
    return Spliced.of(Group(VERSION, messages_of(codec, *reads).records), partition=3)


@given(reads=st.lists(READS, min_size=1, max_size=20))
def test_values_and_places_are_those_of_the_messages(reads: list[PlateRead], codec: Codec) -> None:
    spliced = spliced_of(codec, *reads)
    assert list(spliced.values()) == [codec.encode(read) for read in reads]
    assert (spliced.partition, spliced.offsets.tolist()) == (3, list(range(len(reads))))


def test_corrupt_bodies_are_taken_out_and_named_by_their_place(codec: Codec) -> None:
    values = [codec.encode(a_read(number)) for number in range(5)]
    values[1], values[4] = values[1][:70], values[4] + b"\x00"
    sound, refused = Spliced.of(Group(VERSION, records_with(values)), partition=3).repaired()
    assert refused == [((3, 1), "bad-avro"), ((3, 4), "bad-avro")]
    assert sound is not None
    assert list(sound.values()) == [values[0], values[2], values[3]]
    assert sound.offsets.tolist() == [0, 2, 3]


def test_nothing_is_left_of_corrupt_bodies_alone(codec: Codec) -> None:
    corrupt = records_with([codec.encode(a_read())[:40]])
    assert Spliced.of(Group(VERSION, corrupt), partition=3).repaired() == (None, [((3, 0), "bad-avro")])


def test_plates_are_not_in_what_is_printed(codec: Codec) -> None:
    assert "SECRET1" not in repr(spliced_of(codec, a_read(plate="SECRET1")))
