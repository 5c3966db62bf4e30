"""Threads change often while little is fetched, and seldom at full speed."""

import sys
from collections.abc import Iterator

import pytest

from streams.workers.turns import share_lock


@pytest.fixture(autouse=True)
def _interval_of_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_a_full_fetch_keeps_the_lock_and_a_small_one_gives_it_up() -> None:
    share_lock(4 * 1024 * 1024)
    at_full_speed = sys.getswitchinterval()
    share_lock(16 * 1024)
    assert sys.getswitchinterval() == pytest.approx(at_full_speed / 10)
