"""Folding and identity of plates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from schemas.plates import MAX_PLATE_LENGTH, alert_id, fold, fold_bytes, hotlist_key, normalise_plate, read_id

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PLATES = st.text(ALPHABET, min_size=1, max_size=MAX_PLATE_LENGTH)
TYPED = st.text(ALPHABET + ALPHABET.lower() + " -._·", max_size=30)


@given(PLATES)
def test_folding_is_idempotent_and_keeps_the_length(plate: str) -> None:
    assert fold(fold(plate)) == fold(plate)
    assert len(fold(plate)) == len(plate)


@given(PLATES, PLATES)
def test_two_plates_fold_together_only_by_the_pairs_of_the_rule(one: str, other: str) -> None:
    same = {"O": "0", "I": "1"}
    assert (fold(one) == fold(other)) == ([same.get(c, c) for c in one] == [same.get(c, c) for c in other])


@given(TYPED)
def test_typed_plates_normalise_to_what_folds_the_same(text: str) -> None:
    try:
        plate = normalise_plate(text)
    except InvalidMessage as refusal:
        assert refusal.reason in {"plate-missing", "plate-unusable"}
        assert text == "" or text not in str(refusal) or len(text) < 3
        return
    assert normalise_plate(plate) == plate
    assert fold_bytes(text.replace("·", "").encode()) == fold(plate).encode()


@pytest.mark.parametrize("text", ["", " - ", "ÄB123", "A" * (MAX_PLATE_LENGTH + 1), "AB\x00", "<script>", "ＡＢ１２"])
def test_what_is_no_plate_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        normalise_plate(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_resend_is_the_same_read(device: str, event: str) -> None:
    assert read_id(device, event) == read_id(device, event)
    assert alert_id(read_id(device, event), "e") == alert_id(read_id(device, event), "e")


def test_ids_are_pinned() -> None:
    """A change of the namespace would make every stored read a new one."""
    assert str(read_id("north-1", "42")) == "4a213b4d-b4c9-52af-a2db-9150d2d51319"
    assert str(alert_id(read_id("north-1", "42"), "entry")) == "ffe5b46f-f2a4-5b5d-854d-efa47e6db73a"


def test_ids_of_different_events_differ() -> None:
    ids = [read_id("a", "b"), read_id("a", "c"), read_id("b", "b"), read_id("ab", "")]
    assert len(set(ids)) == len(ids)


def test_a_tombstone_knows_its_plate() -> None:
    assert hotlist_key("OIL 42", "source:1") == b"01L42\x1fsource:1"
