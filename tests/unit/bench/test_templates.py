"""What is put into a template is byte for byte what the codec would have written."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import pytest

from bench.errors import BenchError
from bench.plates import listed_plates, partial_pattern, partial_plate, plate, unlisted_plates
from bench.templates import EntryTemplates, ReadTemplates, entry_key
from schemas.codec import Codec
from schemas.messages import HotlistEntry, PlateRead
from schemas.plates import fold_bytes, hotlist_key

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("number", [0, 1, 5, 999, 1000, 123_456_789])
def test_a_read_is_what_the_codec_writes(codec: Codec, number: int) -> None:
    templates = ReadTemplates(codec, NOW)
    blank: PlateRead = codec.decode(templates.read(number % 1000, b"ZZZZZZZ"))
    of_number = UUID(str(blank.read_id)[:-12] + f"{number:012x}")
    wanted = replace(blank, plate=plate(number).decode(), read_id=of_number)
    assert templates.read(number, plate(number)) == codec.encode(wanted)


@pytest.mark.parametrize("number", [0, 7, 23, 24, 9_999_999])
def test_an_entry_is_what_the_codec_writes_under_its_key(codec: Codec, number: int) -> None:
    value = EntryTemplates(codec, NOW).entry(number, plate(number))
    entry: HotlistEntry = codec.decode(value)
    assert entry.plate.encode() == plate(number)
    assert codec.encode(entry) == value
    assert entry_key(plate(number)) == hotlist_key(entry.plate, entry.entry_id)


def test_plates_are_folded_and_differ() -> None:
    plates = [*listed_plates(5000, 100_000), *islice(unlisted_plates(100_000), 5000)]
    assert len(set(plates)) == 10_000
    assert all(fold_bytes(one) == one and len(one) == 7 for one in plates)


def test_listed_plates_are_those_of_numbers_on_the_list() -> None:
    assert set(listed_plates(50, 100)) < {plate(number) for number in range(100)}
    with pytest.raises(BenchError, match="raise ENTRIES"):
        listed_plates(101, 100)


def test_a_partial_plate_is_on_no_list_and_has_its_pattern() -> None:
    assert partial_plate(42) == b"QZ042XY"
    assert partial_pattern(42) == "QZ042??"
    assert not any(one.startswith(b"Q") for one in islice(unlisted_plates(0), 10_000))
