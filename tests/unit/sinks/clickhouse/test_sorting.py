"""What becomes of each message of a batch, by its first bytes."""

import io
from datetime import UTC, datetime, timedelta

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from platestream.clock import from_ms, to_ms
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, frame
from schemas.plates import fold_bytes
from schemas.versions import newest, versions
from sinks.clickhouse.glancing import Glance
from sinks.clickhouse.peeking import Peek
from sinks.clickhouse.sorting import Judge, Sorted, sort_taken
from sinks.holds.investigations import Withheld
from sinks.retention.rules import KeptSpan
from tests.storing import PLATES, a_picture, a_read, an_alert, taken_of

NOW = datetime(2026, 5, 10, 13, 30, tzinfo=UTC)
SPAN = KeptSpan.at(NOW, 60)


def sort(
    codec: Codec, *values: bytes | None, span: KeptSpan = SPAN, suppressed: frozenset[bytes] = frozenset()
) -> Sorted:
    """Sorted one by one and, which must be the same, after a glance."""
    taken, one = taken_of(*values), Peek(span, Withheld(suppressed), codec).judge_read
    by_one = sort_taken(taken, codec, "PlateRead", Judge(one))
    found = sort_taken(taken, codec, "PlateRead", Judge(one, Glance(span, suppressed).plain))
    assert (found.left_out, sorted(found.refused)) == (by_one.left_out, sorted(by_one.refused))
    assert sorted(kept_of(found)) == sorted(kept_of(by_one))
    return by_one


def kept_of(found: Sorted) -> list[tuple[str, int, bytes]]:
    """Version, offset and value of all that is kept."""
    return [
        (group.version.text, record.offset, record.value or b"") for group in found.groups for record in group.records
    ]


def values_of(found: Sorted) -> list[list[bytes]]:
    """The values of each group."""
    return [[record.value or b"" for record in group.records] for group in found.groups]


def read_at(codec: Codec, at: datetime, plate: str = "ABC123") -> bytes:
    return codec.encode(a_read(collected_at=at, plate=plate))


def with_plate(codec: Codec, plate: bytes) -> bytes:
    """A read with a plate that no PlateRead could hold."""
    length = len(plate) << 1
    prefix = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return read_at(codec, NOW).replace(b"\x0cABC123", prefix + plate, 1)


@pytest.mark.rule("retention.sixty-days")
def test_overdue_reads_are_left_out_and_counted(codec: Codec) -> None:
    due_today = datetime(2026, 3, 11, 23, 59, 59, 999000, tzinfo=UTC)
    due_tomorrow = read_at(codec, due_today + timedelta(milliseconds=1))
    found = sort(codec, read_at(codec, due_today), due_tomorrow, read_at(codec, datetime(1970, 1, 2, tzinfo=UTC)))
    assert found.left_out == 2
    assert values_of(found) == [[due_tomorrow]]
    assert found.refused == []


def test_a_batch_of_overdue_reads_leaves_nothing_to_insert(codec: Codec) -> None:
    found = sort(codec, read_at(codec, NOW - timedelta(days=60)))
    assert (found.groups, found.left_out) == ([], 1)


def test_each_bad_message_has_its_reason(codec: Codec) -> None:
    good = read_at(codec, NOW)
    bad = {
        None: "not-framed",
        b"": "not-framed",
        good[:5]: "not-framed",
        b"{}" + good: "not-framed",
        frame(999_999, good[5:]): "unknown-schema",
        codec.encode(a_picture()): "unknown-schema",
        with_plate(codec, b""): "plate-unusable",
        with_plate(codec, b"A" * 300): "plate-unusable",
        with_plate(codec, b"A" * 21): "plate-unusable",
        with_plate(codec, b"abc123"): "plate-unusable",
        with_plate(codec, b"AB 123"): "plate-unusable",
        with_plate(codec, "Ä1".encode()): "plate-unusable",
        good[:9]: "cut-short",
        good[:14]: "cut-short",
        read_at(codec, NOW + timedelta(days=2)): "collected-ahead",
    }
    found = sort(codec, *bad, good)
    assert {message.value: reason for message, reason in found.refused} == bad
    assert values_of(found) == [[good]]


def test_a_corrupt_end_that_clickhouse_would_not_see_is_refused(codec: Codec) -> None:
    good = read_at(codec, NOW)
    found = sort(codec, good, good + b"\x00", good[:-1])
    assert [reason for _, reason in found.refused] == ["bad-avro", "bad-avro"]
    assert values_of(found) == [[good]]


def test_there_is_one_group_for_each_writers_schema(codec: Codec) -> None:
    newer = {record: {v.number: codec.wire_id(record) + 1000 for v in all_} for record, all_ in versions().items()}
    both = _TwoIds(codec, Codec(newer))
    first, second = read_at(codec, NOW), Codec(newer).encode(a_read(collected_at=NOW))
    found = sort(both, first, second, first)
    assert values_of(found) == [[first, first], [second]]
    assert [[record.offset for record in group.records] for group in found.groups] == [[0, 2], [1]]


def test_plates_are_not_in_what_is_printed(codec: Codec) -> None:
    found = sort(codec, read_at(codec, NOW, "SECRET1"), b"SECRET2")
    assert "SECRET" not in repr(found)


DAY_MS = 86_400_000
MOMENTS = st.integers(0, to_ms(datetime(2060, 1, 1, tzinfo=UTC)))


@given(now=MOMENTS, at=MOMENTS, near=st.integers(-3, 3))
@example(now=1 << 41, at=(1 << 41) - DAY_MS, near=0)
@example(now=(1 << 34) + DAY_MS, at=(1 << 34) - DAY_MS, near=0)
@pytest.mark.rule("retention.sixty-days")
def test_peeking_agrees_with_the_rule_at_any_time(now: int, at: int, near: int, codec: Codec) -> None:
    span = KeptSpan.at(from_ms(now), 60)
    for at_ms in (at, max(0, span.first_ms + near), span.last_ms + near):
        found = sort(codec, read_at(codec, from_ms(at_ms)), span=span)
        kept = sum(len(group.records) for group in found.groups)
        assert kept == (span.first_ms <= at_ms <= span.last_ms)
        assert found.left_out == (at_ms < span.first_ms)
        assert len(found.refused) == (at_ms > span.last_ms)


@given(
    plate=PLATES,
    place=st.integers(0, 60),
    byte=st.integers(0, 255),
    cut=st.integers(0, 130),
    suppressed=st.booleans(),
)
def test_a_glance_agrees_on_damaged_values(
    plate: str, place: int, byte: int, cut: int, suppressed: bool, codec: Codec
) -> None:
    value = bytearray(read_at(codec, NOW, plate))
    value[min(place, len(value) - 1)] = byte
    listed = frozenset({fold_bytes(plate.encode())}) if suppressed else frozenset[bytes]()
    sort(codec, bytes(value), suppressed=listed)
    sort(codec, bytes(value[: len(value) - cut]), suppressed=listed)


def test_of_other_plates_few_are_looked_at_closely_for_nothing(codec: Codec) -> None:
    suppressed = frozenset(b"S%05d" % number for number in range(10_000))
    values = [read_at(codec, NOW, f"X{number:05d}") for number in range(5_000)]
    plain = Glance(SPAN, suppressed).plain(taken_of(*values).records, values[0][:5])
    assert plain.sum() > 0.997 * len(values)


class _TwoIds(Codec):
    """Knows a record under two ids, as when a schema was registered twice."""

    def __init__(self, *codecs: Codec) -> None:
        self._readers = {wire_id: version for codec in codecs for wire_id, version in codec._readers.items()}


@pytest.mark.rule("retention.suppressed")
@pytest.mark.parametrize("plate", ["S0I1", "SOI1", "S011"])
def test_of_a_suppressed_plate_only_reader_and_time_go_on(codec: Codec, plate: str) -> None:
    other = read_at(codec, NOW)
    found = sort(codec, read_at(codec, NOW, plate), other, suppressed=frozenset({b"S011"}))
    assert (found.left_out, found.refused) == (0, [])
    [[blanked, kept]] = values_of(found)
    assert kept == other
    read = fastavro.schemaless_reader(io.BytesIO(blanked[5:]), newest("PlateRead").parsed)
    sent = a_read(collected_at=NOW)
    assert read.pop("collected_at") == NOW
    assert (read.pop("device_id"), read.pop("read_id")) == (sent.device_id, sent.read_id)
    assert read.pop("received_at") == sent.received_at
    assert [value for value in read.values() if value] == []


def test_a_suppressed_read_that_is_due_or_broken_leaves_nothing_behind(codec: Codec) -> None:
    suppressed = frozenset({b"AAA111"})
    due = read_at(codec, NOW - timedelta(days=60), "AAA111")
    ahead = read_at(codec, NOW + timedelta(days=2), "AAA111")
    broken = read_at(codec, NOW, "AAA111")[:-1]
    found = sort(codec, due, ahead, broken, suppressed=suppressed)
    assert (found.groups, found.left_out, found.refused) == ([], 3, [])


def test_an_alert_goes_with_its_read(codec: Codec) -> None:
    peek = Peek(SPAN, Withheld(frozenset({b"AAA111"})), codec)
    kept, due = an_alert(collected_at=NOW), an_alert(collected_at=NOW - timedelta(days=60))
    values = [codec.encode(alert) for alert in (kept, due, an_alert(collected_at=NOW, plate="AAA111"))]
    found = sort_taken(taken_of(*values), codec, "Alert", Judge(peek.judge_alert))
    assert values_of(found) == [values[:1]]
    assert (found.left_out, found.refused) == (2, [])


def test_a_marker_that_makes_a_quiet_log_roll_is_no_message(codec: Codec) -> None:
    found = sort(codec, ROLL_MARKER, None)
    assert (found.groups, found.left_out) == ([], 0)
    assert [reason for _, reason in found.refused] == ["not-framed"]
