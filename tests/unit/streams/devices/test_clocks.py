from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.clock import to_ms
from platestream.errors import InvalidMessage
from streams.devices.clocks import check_not_ahead, time_of

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_seconds_and_milliseconds_are_told_apart_by_range(moment: datetime) -> None:
    milliseconds = to_ms(moment)
    assert to_ms(time_of(milliseconds)) == milliseconds
    assert time_of(milliseconds // 1000) == datetime.fromtimestamp(milliseconds // 1000, UTC)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_any_number_is_a_time_between_2000_and_2100_or_refused(number: float) -> None:
    try:
        found = time_of(number)
    except InvalidMessage as error:
        assert error.reason == "time-out-of-range"
    else:
        assert 2000 <= found.year < 2100 or found == datetime(2100, 1, 1, tzinfo=UTC)


def test_a_missing_time_is_refused() -> None:
    with pytest.raises(InvalidMessage) as caught:
        time_of(None)
    assert caught.value.reason == "time-missing"


@given(st.timedeltas(timedelta(days=-30000), timedelta(minutes=5)))
def test_the_past_and_five_minutes_are_taken(ahead: timedelta) -> None:
    check_not_ahead(NOW + ahead, NOW)


@given(st.timedeltas(timedelta(minutes=5, seconds=1), timedelta(days=20000)))
def test_refuse_more_than_five_minutes_ahead_and_name_whole_hours_a_zone_error(ahead: timedelta) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_not_ahead(NOW + ahead, NOW)
    hours = {timedelta(hours=h) for h in range(1, 15)}
    near_whole_hours = any(abs(ahead - whole) <= timedelta(minutes=2) for whole in hours)
    assert caught.value.reason == ("zone-error" if near_whole_hours else "clock-ahead")


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(6, "clock-ahead"), (57, "clock-ahead"), (59, "zone-error"), (360, "zone-error"), (365, "clock-ahead")],
)
def test_offsets_by_example(minutes: int, reason: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_not_ahead(NOW + timedelta(minutes=minutes), NOW)
    assert caught.value.reason == reason
