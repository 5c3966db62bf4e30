"""Hotlist files: what a row becomes, and what makes a row or a whole file bad."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from schemas.messages import LawfulSource, MatchKind
from streams.hotlists.files import HotlistFile, read_hotlist
from streams.hotlists.templates import HotlistTemplate

EXTRACTED_AT = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
HEADER = "PlateNumber,PlateState,EffectiveDate,ExpiryDate,Category"
GOOD_ROW = "ABC123,MN,2026-05-01,2026-05-31,stolen vehicle"


def template(**fields: Any) -> HotlistTemplate:
    given_fields = {"source": "state-file", "lawful_source": LawfulSource.STATE_FILE, "category": "listed", **fields}
    return HotlistTemplate(**given_fields)


def read(*rows: str, header: str = HEADER, **fields: Any) -> HotlistFile:
    return read_hotlist([header, *rows], template(**fields), EXTRACTED_AT)


def fault_of(row: str, **fields: Any) -> str:
    found = read(row, most_bad_rows=1, **fields)
    assert not found.entries
    [fault] = found.faults
    assert fault.line == 2
    return fault.reason


def test_a_row_becomes_an_entry() -> None:
    [entry] = read("abc-12o,mn,2026-05-01,2026-05-31,Stolen Vehicle", match_kind=MatchKind.EXACT, priority=2).entries
    assert (entry.plate, entry.state, entry.category) == ("ABC12O", "MN", "Stolen Vehicle")
    assert (entry.match_kind, entry.priority, entry.source) == (MatchKind.EXACT, 2, "state-file")
    assert (entry.lawful_source, entry.extracted_at) == (LawfulSource.STATE_FILE, EXTRACTED_AT)


def test_an_entry_is_in_force_from_the_start_of_one_day_to_the_end_of_the_other_in_the_lists_zone() -> None:
    [entry] = read("ABC123,MN,2026-10-31,2026-11-01,").entries
    assert entry.effective_at == datetime(2026, 10, 31, 5, tzinfo=UTC)
    assert entry.expires_at == datetime(2026, 11, 2, 6, tzinfo=UTC)  # that day has 25 hours in Minnesota


def test_what_a_row_leaves_out_comes_from_extract_and_template() -> None:
    [entry] = read("ABC123", header="PlateNumber", valid_days=10).entries
    assert (entry.state, entry.category) == (None, "listed")
    assert (entry.effective_at, entry.expires_at) == (EXTRACTED_AT, EXTRACTED_AT + timedelta(days=10))


def test_other_delimiters_orders_columns_and_date_formats() -> None:
    [entry] = read(
        "blue;20260531;ABC123",
        header="\ufeffColour;ExpiryDate;PlateNumber",
        delimiter=";",
        date_format="%Y%m%d",
        zone="UTC",
    ).entries
    assert (entry.plate, entry.expires_at) == ("ABC123", datetime(2026, 6, 1, tzinfo=UTC))


def test_a_list_may_put_its_categories_into_other_words() -> None:
    [entry] = read("ABC123,,,2026-05-31,FA", categories={"FA": "wanted person"}).entries
    assert entry.category == "wanted person"


def test_reading_a_file_again_gives_the_same_ids_and_different_rows_different_ones() -> None:
    rows = [
        GOOD_ROW,
        GOOD_ROW.replace("MN", "WI"),
        GOOD_ROW.replace("ABC", "XYZ"),
        GOOD_ROW.replace("vehicle", "plate"),
    ]
    ids = [entry.entry_id for entry in read(*rows).entries]
    assert ids == [entry.entry_id for entry in read(*rows).entries]
    assert len(set(ids)) == 4
    assert len(read(GOOD_ROW, GOOD_ROW).entries) == 1
    assert ids[0] != read(GOOD_ROW, source="other").entries[0].entry_id
    assert not [entry_id for entry_id in ids if "ABC" in entry_id]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",MN,,2026-05-31,", "plate-missing"),
        ("ABC*23,MN,,2026-05-31,", "plate-unusable"),
        ("A" * 21 + ",MN,,2026-05-31,", "plate-unusable"),
        ("ABC123,Minnesota,,2026-05-31,", "state-unusable"),
        ("ABC123,MN,,,", "expiry-missing"),
        ("ABC123,MN,,31.05.2026,", "date-unusable"),
        ("ABC123,MN,2026-02-30,2026-05-31,", "date-unusable"),
        ("ABC123,MN,2026-06-01,2026-05-31,", "dates-reversed"),
        ("ABC123,MN,,2026-05-31,a,b", "too-many-fields"),
        ("ABC123,MN,,2026-05-31," + "x" * 201, "category-unusable"),
    ],
)
def test_a_bad_row_is_named_by_line_and_reason(row: str, reason: str) -> None:
    assert fault_of(row) == reason


def test_a_plate_with_wildcards_is_a_partial_one_of_its_category() -> None:
    found = read(
        "ab?-12*,,,2026-05-31,HOMICIDE", GOOD_ROW, match_kind=MatchKind.FUZZY, partial_categories=("HOMICIDE",)
    )
    assert [(entry.plate, entry.match_kind) for entry in found.entries] == [
        ("AB?12*", MatchKind.PARTIAL),
        ("ABC123", MatchKind.FUZZY),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AB?12*,,,2026-05-31,stolen vehicle", "category-not-partial"),
        ("AB?1*,,,2026-05-31,HOMICIDE", "too-few-known-characters"),
        ("AB%12,,,2026-05-31,HOMICIDE", "plate-unusable"),
    ],
)
def test_a_partial_plate_that_may_not_be_listed_is_a_bad_row(row: str, reason: str) -> None:
    assert fault_of(row, partial_categories=("HOMICIDE",)) == reason


def test_a_lists_own_age_limits_go_with_its_entries() -> None:
    [entry] = read(GOOD_ROW, stale_after_hours=1.5, dropped_after_hours=2).entries
    assert (entry.stale_after_seconds, entry.dropped_after_seconds) == (5400, 7200)
    [entry] = read(GOOD_ROW).entries
    assert (entry.stale_after_seconds, entry.dropped_after_seconds) == (None, None)


@pytest.mark.rule("alert.not-probable-cause")
@pytest.mark.parametrize("category", ["Stop and hold", "ARREST WARRANT", "confirmed stolen"])
def test_a_category_that_says_what_to_do_is_refused(category: str) -> None:
    assert fault_of(f"ABC123,MN,,2026-05-31,{category}") == "category-unusable"


def test_expired_rows_are_left_out_and_are_no_faults() -> None:
    found = read(GOOD_ROW, "OLD1,MN,2026-01-01,2026-05-03,")
    assert [entry.plate for entry in found.entries] == ["ABC123"]
    assert (found.expired_rows, found.faults) == (1, ())


def test_few_bad_rows_are_reported_and_more_refuse_the_file() -> None:
    rows = [f"AB{i},MN,,2026-05-31," for i in range(99)]
    found = read(*rows, "SECRET*,MN,,2026-05-31,")
    assert (len(found.entries), [fault.line for fault in found.faults]) == (99, [101])
    with pytest.raises(InvalidMessage, match=r"4 of 99 rows are bad.*line 97 \(expiry-missing\)") as refusal:
        read(*rows[:95], *["SECRET,MN,,,"] * 4)
    assert refusal.value.reason == "too-many-bad-rows"
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("header", ["", "Plate,State", "PlateNumber;PlateState"])
def test_a_file_without_the_plate_column_is_refused(header: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        read(GOOD_ROW, header=header)
    assert refusal.value.reason == "column-missing"


@given(rows=st.lists(st.text(max_size=30), max_size=10))
def test_any_rows_give_entries_faults_or_a_refusal(rows: list[str]) -> None:
    try:
        found = read(*rows, most_bad_rows=1)
    except InvalidMessage as refusal:
        assert refusal.reason == "not-delimited"
    else:
        assert len(found.entries) + len(found.faults) + found.expired_rows <= len(rows)
