from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.searches.finding import Found, find_stored
from tests.asking import NOW, PLATE, MemoryReads, found_read
from tests.storing import of_plate

DAY = timedelta(days=1)


def found(reads: MemoryReads, collected_from: datetime = NOW - 30 * DAY, row_limit: int = 10) -> Found:
    return find_stored(reads, of_plate(PLATE, collected_from, NOW, row_limit), uuid4(), NOW, 60)


@given(st.integers(0, 8), st.integers(1, 8))
def test_an_answer_is_cut_at_the_limit_and_says_so(stored: int, limit: int) -> None:
    reads = MemoryReads([found_read() for _ in range(stored)])
    cut = found(reads, row_limit=limit)
    assert len(cut.reads) == min(stored, limit)
    assert cut.is_truncated == (stored > limit)


@pytest.mark.rule("retention.sixty-days")
@given(st.integers(0, 80 * 24))
def test_a_read_past_its_day_of_destruction_is_not_told(hours: int) -> None:
    collected_at = NOW - timedelta(hours=hours, seconds=1)
    told = found(MemoryReads([found_read(collected_at=collected_at)]), NOW - 90 * DAY).reads
    assert bool(told) == (collected_at.date() + 60 * DAY > NOW.date())


def test_a_span_that_is_all_overdue_asks_nothing() -> None:
    reads = MemoryReads()
    long_ago = of_plate(PLATE, NOW - 90 * DAY, NOW - 80 * DAY)
    assert not find_stored(reads, long_ago, uuid4(), NOW, 60).reads
    assert reads.times_asked == 0
