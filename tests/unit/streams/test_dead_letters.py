"""A dead letter holds no read that it would outlive."""

from datetime import timedelta

import pytest

from schemas.codec import Codec
from schemas.topics import topics
from streams.dead_letters import TOPIC, may_hold
from tests.matching import NOW, a_read

DAY = timedelta(days=1)
LAST_DAY = 60 - topics()[TOPIC].kept_for.days - 1


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.parametrize(
    ("age", "is_held"), [(0 * DAY, True), ((LAST_DAY - 1) * DAY, True), ((LAST_DAY + 1) * DAY, False)]
)
def test_the_bytes_of_a_read_that_was_uploaded_too_late_are_left_out(
    codec: Codec, age: timedelta, is_held: bool
) -> None:
    value = codec.encode(a_read(collected_at=NOW - age))
    assert may_hold(value, NOW, 60) is may_hold(value[:-3], NOW, 60) is is_held


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00\x07", b"not framed", bytes(40), b"\xff" * 40])
def test_bytes_that_do_not_say_when_they_were_collected_are_kept_to_be_looked_at(value: bytes | None) -> None:
    assert may_hold(value, NOW, 60)
