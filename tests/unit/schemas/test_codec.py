"""Round trips of every record, and what is refused."""

import io
import json
from datetime import UTC, datetime

import fastavro
import pytest
from fastavro.utils import generate_many
from hypothesis import given
from hypothesis import strategies as st

from platestream.clock import from_ms, to_ms
from platestream.errors import ConfigError, InvalidMessage
from schemas.codec import Codec
from schemas.framing import frame, peek_collected_at_ms, peek_plate, wire_id_of
from schemas.messages import RECORDS, PlateRead
from schemas.plates import MAX_PLATE_LENGTH
from schemas.versions import versions

LEAST_MS, MOST_MS = to_ms(datetime(1990, 1, 1, tzinfo=UTC)), to_ms(datetime(2100, 1, 1, tzinfo=UTC))
TIMES = st.integers(LEAST_MS, MOST_MS).map(from_ms)
CONFIDENCES = st.none() | st.floats(0, 1, width=32)
PLATES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=MAX_PLATE_LENGTH)
READS = st.builds(
    PlateRead,
    plate=PLATES,
    collected_at=TIMES,
    read_id=st.uuids(),
    state=st.none() | st.sampled_from(["MN", "WI"]),
    device_id=st.text(min_size=1, max_size=50),
    received_at=TIMES,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    confidence=CONFIDENCES,
    candidates=st.lists(st.fixed_dictionaries({"plate": PLATES, "confidence": CONFIDENCES}), max_size=4),
    pictures=st.lists(
        st.fixed_dictionaries({"sha256": st.binary(min_size=32, max_size=32), "kind": st.just("PLATE")}), max_size=3
    ),
)


@given(read=READS)
def test_reads_survive_the_codec_and_can_be_peeked(codec: Codec, read: PlateRead) -> None:
    value = codec.encode(read)
    assert codec.decode(value) == read
    assert peek_plate(value) == read.plate.encode()
    assert peek_collected_at_ms(value) == to_ms(read.collected_at)
    assert wire_id_of(value) == codec.wire_id("PlateRead")


@given(value=st.binary(max_size=200) | st.none())
def test_any_bytes_decode_or_are_an_invalid_message(codec: Codec, value: bytes | None) -> None:
    with pytest.raises(InvalidMessage):
        codec.decode(value)


@given(body=st.binary(max_size=200))
def test_any_body_behind_a_good_header_decodes_or_is_an_invalid_message(codec: Codec, body: bytes) -> None:
    try:
        assert isinstance(codec.decode(frame(codec.wire_id("PlateRead"), body)), PlateRead)
    except InvalidMessage as refusal:
        assert refusal.reason in {"bad-avro", "out-of-range", "not-framed"}


@given(read=READS, cut=st.integers(0, 400))
def test_a_read_cut_short_is_an_invalid_message(codec: Codec, read: PlateRead, cut: int) -> None:
    value = codec.encode(read)
    with pytest.raises(InvalidMessage):
        codec.decode(value[: min(cut, len(value) - 1)])


@given(value=st.binary(max_size=40))
def test_peeking_any_bytes_gives_an_answer_or_an_invalid_message(value: bytes) -> None:
    for peek in (peek_plate, peek_collected_at_ms):
        try:
            peek(value)
        except InvalidMessage as refusal:
            assert refusal.reason in {"plate-unusable", "cut-short"}


@given(read=READS)
def test_bytes_left_over_are_refused(codec: Codec, read: PlateRead) -> None:
    with pytest.raises(InvalidMessage, match="left over"):
        codec.decode(codec.encode(read) + b"\x00")


def test_a_missing_wire_id_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="Alert version 1"):
        Codec({record: {1: 1} for record in RECORDS if record != "Alert"})


def test_plate_and_time_come_first_in_every_version() -> None:
    """Compatibility alone would let fields be reordered, and peeking would read something else."""
    for record in ("PlateRead", "Picture", "Alert"):
        for version in versions()[record]:
            first, second = json.loads(version.text)["fields"][:2]
            assert (first["name"], first["type"]) == ("plate", "string")
            assert (second["name"], second["type"]["type"]) == ("collected_at", "long")
    for version in versions()["HotlistEntry"]:
        assert [field["name"] for field in json.loads(version.text)["fields"][:2]] == ["plate", "match_kind"]


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_dataclass_and_newest_version_name_the_same_fields(record: str) -> None:
    names = [field["name"] for field in json.loads(versions()[record][-1].text)["fields"]]
    assert sorted(RECORDS[record].__dataclass_fields__) == sorted(names)


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_every_version_reads_what_every_other_wrote(record: str, codec: Codec) -> None:
    """FULL_TRANSITIVE, tried on data: also the registry checks it when a version is registered."""
    for writer in versions()[record]:
        [datum] = generate_many(writer.parsed, 1)
        body = io.BytesIO()
        fastavro.schemaless_writer(body, writer.parsed, datum)
        for reader in versions()[record]:
            fastavro.schemaless_reader(io.BytesIO(body.getvalue()), writer.parsed, reader.parsed)
