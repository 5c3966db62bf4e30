"""When reads wait for a table, and when its topic has betrayed it."""

import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from platestream.errors import IntegrityError
from streams.workers.freshness import Freshness

LIST = TP("list", 0)


class Now:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


def ask(freshness: Freshness, now: Now, *, end: int, applied: int, start: int = 0) -> None:
    """A second passes, then the broker answers."""
    now.seconds += 1
    freshness.note(now(), {LIST: (start, end)}, {LIST: applied})


def test_a_table_that_reaches_each_end_it_is_told_is_never_late(now: Now) -> None:
    freshness = Freshness(10, now)
    for end in range(100):
        ask(freshness, now, end=end, applied=end)
        assert not freshness.is_late()


def test_no_answer_is_late_past_the_limit_and_the_log_says_so_once(now: Now, caplog: pytest.LogCaptureFixture) -> None:
    freshness = Freshness(10, now)
    now.seconds += 10
    assert not freshness.is_late()
    now.seconds += 1
    assert freshness.is_late()
    assert freshness.is_late()
    assert REGISTRY.get_sample_value("platestream_processor_tables_current") == 0
    for _ in range(2):
        ask(freshness, now, end=5, applied=5)
    assert not freshness.is_late()
    assert REGISTRY.get_sample_value("platestream_processor_tables_current") == 1
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "Nothing is matched until" in caplog.text


def test_a_table_that_lags_behind_its_topic_is_late(now: Now) -> None:
    freshness = Freshness(10, now)
    for second in range(11):
        ask(freshness, now, end=50 + second, applied=49)
    assert freshness.is_late()
    ask(freshness, now, end=70, applied=51)  # reached what was asked first, which is long ago
    assert freshness.is_late()
    for _ in range(2):
        ask(freshness, now, end=70, applied=70)
    assert not freshness.is_late()


def test_a_table_that_follows_a_busy_topic_is_as_late_as_its_lag(now: Now) -> None:
    freshness = Freshness(10, now)
    for second in range(100):
        ask(freshness, now, end=1000 * second, applied=1000 * max(second - 3, 0))
        assert not freshness.is_late()


@pytest.mark.parametrize(
    ("start", "end", "applied", "words"),
    [(0, 5, 6, "ends at 5, before 6 that was read from it: it was replaced"), (9, 20, 6, "from 6 on were deleted")],
)
def test_a_topic_that_was_replaced_or_cut_is_an_integrity_error(
    now: Now, start: int, end: int, applied: int, words: str
) -> None:
    with pytest.raises(IntegrityError, match=rf"list\[0\].*{words}.*Restart"):
        ask(Freshness(10, now), now, start=start, end=end, applied=applied)


def test_a_new_table_may_begin_where_its_topic_does(now: Now) -> None:
    ask(Freshness(10, now), now, start=9, end=20, applied=0)
