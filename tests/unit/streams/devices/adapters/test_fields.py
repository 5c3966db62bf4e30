import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from streams.devices.adapters.fields import Fields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_value_reads_as_its_kind_or_not_at_all(value: object) -> None:
    fields = Fields({"a": value})
    assert isinstance(fields.text("a"), str | None)
    assert isinstance(fields.number("a"), float | None)
    assert isinstance(fields.count("a"), int | None)
    assert isinstance(fields.inner("a"), Fields)
    assert all(isinstance(one, Fields) for one in Fields({"a": value}).each("a"))


@pytest.mark.parametrize("value", [[], "x", 1, None, True])
def test_only_an_object_has_fields(value: object) -> None:
    with pytest.raises(InvalidMessage):
        Fields(value)


def test_numbers_are_numbers() -> None:
    fields = Fields(
        {"true": True, "big": 10**400, "inf": float("inf"), "text": "1", "one": 1, "half": 0.5, "minus": -1}
    )
    assert [fields.number(name) for name in ("true", "big", "inf", "text", "absent")] == [None] * 5
    assert fields.number("one") == 1.0
    assert [fields.count(name) for name in ("true", "big", "half", "minus")] == [None] * 4
    assert fields.text("one") == "1"


def test_what_nobody_asked_for_is_counted() -> None:
    fields = Fields({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": [{"g": 4, "h": 5}, {"h": 6}], "i": 7})
    fields.number("a")
    fields.inner("b").number("c")
    for one in fields.each("f"):
        one.number("g")
    assert fields.dropped() == 4  # d, h, h, i
