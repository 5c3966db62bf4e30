"""A spliced container read back with fastavro is what was encoded; a corrupt body is told from a sound one."""

import io
import json
import traceback
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from schemas.codec import Codec
from schemas.framing import HEADER_BYTES
from schemas.messages import PlateRead
from schemas.versions import newest
from sinks.clickhouse.splice import columns, container, ends_well, splice, write_anew
from streams.chunks.records import records_of_values
from tests.storing import READS, a_read

VERSION = newest("PlateRead")


def file_of(*values: list[bytes]) -> bytes:
    return b"".join(container(VERSION, [splice(records_of_values(block)) for block in values]))


def read_back(file: bytes) -> list[dict[str, Any]]:
    return list(fastavro.reader(io.BytesIO(file)))  # type: ignore[arg-type]


@given(reads=st.lists(READS, max_size=40))
def test_container_reads_back_as_the_reads_that_were_encoded(reads: list[PlateRead], codec: Codec) -> None:
    values = [codec.encode(read) for read in reads]
    expected = [fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), VERSION.parsed) for value in values]
    assert read_back(file_of(values[:7], values[7:])) == expected


@pytest.mark.parametrize("count", [0, 1, 63, 64, 8191, 8192])
def test_counts_and_sizes_of_any_length_are_written(count: int, codec: Codec) -> None:
    assert len(read_back(file_of([codec.encode(a_read())] * count))) == count


def test_the_header_holds_the_writers_schema(codec: Codec) -> None:
    reader = fastavro.reader(io.BytesIO(file_of()))
    assert json.loads(reader.metadata["avro.schema"]) == json.loads(VERSION.text)
    assert reader.metadata["avro.codec"] == "null"


def test_columns_are_the_fields_in_their_order() -> None:
    assert columns(VERSION)[:3] == ["plate", "collected_at", "read_id"]


@given(read=READS)
def test_a_sound_read_is_written_anew_byte_for_byte(read: PlateRead, codec: Codec) -> None:
    value = codec.encode(read)
    assert ends_well(VERSION, value)
    assert write_anew(VERSION, value) == value


@given(read=READS, cut=st.integers(1, 400), more=st.binary(min_size=1, max_size=20))
def test_cut_or_lengthened_bodies_are_corrupt(read: PlateRead, cut: int, more: bytes, codec: Codec) -> None:
    value = codec.encode(read)
    for corrupt in (value[: max(HEADER_BYTES, len(value) - cut)], value + more):
        assert not ends_well(VERSION, corrupt)
        with pytest.raises(InvalidMessage) as caught:
            write_anew(VERSION, corrupt)
        assert caught.value.reason == "bad-avro"


def test_a_corrupt_body_is_not_quoted(codec: Codec) -> None:
    value = codec.encode(a_read(plate="SECRET1")).replace(b"\x48", b"\x06", 1)
    with pytest.raises(InvalidMessage) as caught:
        write_anew(VERSION, value)
    assert "SECRET1" not in "".join(traceback.format_exception(caught.value))


def test_a_read_id_in_another_spelling_is_written_as_all_others(codec: Codec) -> None:
    read = a_read()
    sound = codec.encode(read)
    loose = sound.replace(b"\x48" + str(read.read_id).encode(), b"\x40" + read.read_id.hex.encode())
    assert loose != sound
    assert write_anew(VERSION, loose) == sound
