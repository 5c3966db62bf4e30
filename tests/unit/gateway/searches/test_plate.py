from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.searches.plate import PlateQuestion, search_plate
from tests.asking import NOW, PLATE, MemoryReads, found_read

DAY = timedelta(days=1)


def question(collected_from: datetime = NOW - 30 * DAY, row_limit: int = 10) -> PlateQuestion:
    return PlateQuestion(plate=PLATE, collected_from=collected_from, collected_until=NOW, row_limit=row_limit)


@given(st.integers(0, 8), st.integers(1, 8))
def test_an_answer_is_cut_at_the_limit_and_says_so(stored: int, limit: int) -> None:
    reads = MemoryReads([found_read() for _ in range(stored)])
    found = search_plate(reads, question(row_limit=limit), NOW, 60)
    assert len(found.reads) == min(stored, limit)
    assert found.is_truncated == (stored > limit)


@pytest.mark.rule("retention.sixty-days")
@given(st.integers(0, 80 * 24))
def test_a_read_past_its_day_of_destruction_is_not_told(hours: int) -> None:
    collected_at = NOW - timedelta(hours=hours, seconds=1)
    found = search_plate(MemoryReads([found_read(collected_at=collected_at)]), question(NOW - 90 * DAY), NOW, 60)
    assert bool(found.reads) == (collected_at.date() + 60 * DAY > NOW.date())


def test_a_span_that_is_all_overdue_asks_nothing() -> None:
    reads = MemoryReads()
    long_ago = PlateQuestion(plate=PLATE, collected_from=NOW - 90 * DAY, collected_until=NOW - 80 * DAY, row_limit=1)
    assert not search_plate(reads, long_ago, NOW, 60).reads
    assert reads.times_asked == 0
