from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signing import Signer
from platestream.errors import InvalidMessage
from tests.asking import NOW

HOUR = timedelta(hours=1)
SIGNER = Signer(bytes(32), "page-cursor", HOUR)
CONTENT = {"at_ms": 17, "of": "aa"}


@given(st.text(), st.text())
def test_what_was_signed_comes_back_to_its_person_and_purpose(person_id: str, bound_to: str) -> None:
    text = SIGNER.sign(CONTENT, person_id, NOW, bound_to)
    assert text.isascii()
    assert SIGNER.open(text, person_id, NOW + HOUR - timedelta(seconds=1), bound_to) == CONTENT
    for wrong in (
        lambda: SIGNER.open(text, person_id, NOW + HOUR, bound_to),
        lambda: SIGNER.open(text, f"{person_id}x", NOW, bound_to),
        lambda: SIGNER.open(text, person_id, NOW, f"{bound_to}x"),
        lambda: Signer(bytes(32), "picture-link", HOUR).open(text, person_id, NOW, bound_to),
        lambda: Signer(bytes(31) + b"x", "page-cursor", HOUR).open(text, person_id, NOW, bound_to),
    ):
        with pytest.raises(InvalidMessage):
            wrong()


@given(st.data())
def test_a_text_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    text = SIGNER.sign(CONTENT, "analyst-7", NOW)
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.characters().filter(lambda character: character != text[at]))
    with pytest.raises(InvalidMessage):
        SIGNER.open(text[:at] + other + text[at + 1 :], "analyst-7", NOW)


@given(st.text())
def test_what_was_never_signed_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        SIGNER.open(text, "analyst-7", NOW)
