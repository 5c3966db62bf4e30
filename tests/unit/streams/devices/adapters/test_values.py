import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from streams.devices.adapters.fields import Fields
from streams.devices.adapters.values import (
    MAX_CANDIDATES,
    candidates_of,
    confidence_of,
    plate_of,
    position_of,
    state_of,
)
from streams.devices.registry import Device


@pytest.mark.parametrize("value", [None, "", " ", "-", "--", "unknown", "UNKNOWN", " Unknown ", 0, [], {}, True])
def test_what_readers_send_without_a_plate_is_no_read(value: object) -> None:
    assert plate_of(value) is None


@pytest.mark.parametrize(("value", "plate"), [("abc 123", "ABC123"), ("A-1", "A1"), ("ABC·123", "ABC123")])
def test_a_plate_is_upper_case_without_separators(value: str, plate: str) -> None:
    assert plate_of(value) == plate


@given(st.text())
def test_any_text_is_a_plate_no_plate_or_refused_without_quoting_it(text: str) -> None:
    try:
        plate = plate_of(text)
    except InvalidMessage as error:
        assert error.reason == "plate-unusable"
        assert len(text) < 5 or text not in str(error)
    else:
        assert plate is None or plate.isalnum()


@given(st.none() | st.floats(allow_nan=False))
def test_confidence_is_a_share_or_absent_never_clamped(percent: float | None) -> None:
    confidence = confidence_of(percent)
    if percent is None or not 0 <= percent <= 100:
        assert confidence is None
    else:
        assert confidence == percent / 100


def test_absent_confidence_is_not_zero() -> None:
    assert confidence_of(None) is None
    assert confidence_of(0) == 0


@pytest.mark.parametrize(
    ("region", "country", "state"),
    [
        ("mo", None, "MO"),
        ("us-ma", "us", "MA"),
        ("US-MN", None, "MN"),
        ("us-ma", "eu", "MA"),
        ("de", "eu", None),
        ("on", "ca", None),
        ("mn", "na", "MN"),
        ("eu-de", "eu", None),
        ("ca-on", "na", None),
        ("us", "us", None),
        ("minnesota", None, None),
        ("m1", None, None),
        ("mn\n", None, None),
        ("ſt", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_regions_of_the_united_states_are_two_letters(
    region: str | None, country: str | None, state: str | None
) -> None:
    assert state_of(region, country) == state


@given(st.text(max_size=8))
def test_any_region_is_two_upper_case_letters_or_none(region: str) -> None:
    state = state_of(region)
    assert state is None or (len(state) == 2 and state.isascii() and state.isalpha() and state.isupper())


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(None, None), (0, 0), (0, -93.1), (44.9, 0), (None, -93.1), (44.9, None), (91, -93.1), (44.9, 181), (-1, -1)],
)
def test_placeholders_give_the_position_of_the_device(
    latitude: float | None, longitude: float | None, device: Device
) -> None:
    assert position_of(latitude, longitude, device) == (device.latitude, device.longitude)


def test_a_position_in_the_message_wins(device: Device) -> None:
    assert position_of(45.1, -92.9, device) == (45.1, -92.9)


def candidates(*listed: dict[str, object]) -> list[Fields]:
    return [Fields(one) for one in listed]


def test_candidates_are_other_plates_once_each() -> None:
    found = candidates_of(
        candidates(
            {"plate": "ABC123", "confidence": 90},
            {"plate": "A8C123", "confidence": 80},
            {"plate": "a8c-123", "confidence": 70},
            {"plate": "ÄBC"},
            {"plate": ""},
            {"confidence": 3},
            {"plate": "A8C1Z3"},
        ),
        "ABC123",
    )
    assert [(one.plate, one.confidence) for one in found] == [("A8C123", 0.8), ("A8C1Z3", None)]


def test_candidates_are_bounded() -> None:
    many = candidates(*({"plate": f"P{number}"} for number in range(1000)))
    assert len(candidates_of(many, "ABC123")) == MAX_CANDIDATES
