import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plates import fold
from streams.ledger.blanking import blank_fitting, blank_plate

PLATES = st.from_regex(r"\A[A-Z0-9]{4,8}\Z")


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("saw KLM015 on Rice Street", "saw [plate] on Rice Street"),
        ("saw klm-0i5, again KLM OI5", "saw [plate], again [plate]"),
        ("saw K L\nM.0.1.5!", "saw [plate]!"),
        ("KLM0l5 has an L for the 1", "KLM0l5 has an L for the 1"),
        ("nothing\tto\x00hide", "nothing to hide"),
    ],
)
def test_every_spelling_of_the_plate_is_blanked(text: str, blanked: str) -> None:
    assert blank_plate(text, "KLM0I5") == blanked


def test_a_short_plate_is_blanked_as_a_word() -> None:
    assert blank_plate("a car with A1 on it, near ALPHA1", "A1") == "a car with [plate] on it, near ALPHA1"


@given(PLATES, st.text(max_size=40), st.text(max_size=40), st.sampled_from(["", "-", " ", ". "]))
def test_no_plate_is_left(plate: str, before: str, after: str, separator: str) -> None:
    left = blank_plate(f"{before}{separator.join(plate)}{after} {plate.lower()}", plate)
    assert fold(plate) not in fold(re.sub(r"[^\x00-\x7f]", "|", left).replace("[plate]", "|"))


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("saw KLM015 or klm-0i9, maybe KLM0??", "saw [plate] or [plate], maybe [plate]"),
        ("plate:KLMO1 (x-KLM0A)", "plate:[plate] (x-[plate])"),
        ("KL M0 and XKLM0 and KLM", "KL M0 and XKLM0 and KLM"),
    ],
)
def test_words_that_fit_the_pattern_are_blanked(text: str, blanked: str) -> None:
    assert blank_fitting(text, "KLMO*") == blanked


def test_no_pattern_makes_blanking_slow() -> None:
    assert blank_fitting("A" * 2000, "*A*A*A*A*A*A*A*A*AB") == "A" * 2000
