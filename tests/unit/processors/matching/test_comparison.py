"""How plates agree, in the words of processors/matching/comparison.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.matching.comparison import compare, look_alikes
from schemas.messages import Candidate, MatchKind
from tests.matching import a_read

PAIRS = ["0D", "0Q", "OD", "OQ", "DQ", "2Z", "5S", "8B", "6G", "37", "27"]
APART = ["23", "3Z", "7Z", "AB", "8S", "1L", "VU", "0C"]


@pytest.mark.parametrize(("one", "other"), [(*pair,) for pair in PAIRS])
def test_one_character_of_a_known_confusion_is_fuzzy_both_ways(one: str, other: str) -> None:
    for read, listed in (("A" + one + "9", "A" + other + "9"), ("A" + other + "9", "A" + one + "9")):
        found = compare(a_read(read), listed, MatchKind.FUZZY)
        assert found and (found.match_kind, found.differing_positions) == (MatchKind.FUZZY, (1,))
        assert compare(a_read(read), listed, MatchKind.FOLDED) is None
        assert compare(a_read(read), listed, MatchKind.PARTIAL) is None


@pytest.mark.parametrize(("one", "other"), [(*pair,) for pair in APART])
def test_other_characters_are_not_confused_nor_is_confusion_passed_on(one: str, other: str) -> None:
    assert compare(a_read("A" + one + "9"), "A" + other + "9", MatchKind.FUZZY) is None


@pytest.mark.parametrize("listed", ["B85", "8B5", "8BS5", "8B"])
def test_two_confusions_or_another_length_are_too_many(listed: str) -> None:
    assert compare(a_read("88S"), listed, MatchKind.FUZZY) is None


def test_a_plate_that_the_ocr_also_considered_is_fuzzy_and_named() -> None:
    read = a_read(
        "ABC123", candidates=(Candidate(plate="XYZ999"), Candidate(plate="KLM1O4"), Candidate(plate="KLM104"))
    )
    found = compare(read, "KLMI04", MatchKind.FUZZY)
    assert found and (found.match_kind, found.candidate) == (MatchKind.FUZZY, "KLM1O4")
    assert found.differing_positions == (0, 1, 2, 3, 4, 5)
    assert compare(read, "KLM104", MatchKind.FOLDED) is None
    assert compare(read, "KLM1D4", MatchKind.FUZZY) is None  # not a look-alike of a candidate


@pytest.mark.parametrize(
    ("read", "listed", "positions"),
    [
        ("ABC123", "ABC1?3", (4,)),
        ("ABC123", "*ABC123", (0,)),
        ("ABC123", "AB*23", (2,)),
        ("ABC123", "ABC1*", (4,)),
        ("OBC1I3", "0BCI?*", (0, 3, 4, 5)),
        ("ABC123", "ABC1?", None),
        ("ABC123", "?ABC123", None),
        ("ABC12B", "ABC?28", None),  # no look-alikes beside wildcards
        ("XABC123", "ABC1*", None),
    ],
)
def test_a_partial_plate_fits_whole_plates(read: str, listed: str, positions: tuple[int, ...] | None) -> None:
    found = compare(a_read(read), listed, MatchKind.PARTIAL)
    assert (found and found.differing_positions) == positions
    assert compare(a_read(read), listed, MatchKind.FUZZY) is None


@given(st.text("ABDGQSZ0123456789", max_size=20))
def test_to_look_alike_is_mutual_and_never_oneself(folded: str) -> None:
    assert folded not in look_alikes(folded)
    assert all(folded in look_alikes(other) for other in look_alikes(folded))
    assert len(set(look_alikes(folded))) == len(look_alikes(folded))
