"""What is taken of a partition follows on from where it was sought, whatever is fetched and forgotten meanwhile."""

from collections import defaultdict

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks.places import Place, Places
from tests.chunks import READS, chunk_of

OTHER = TP("reads", 1)
BOTH = {READS, OTHER}
LARGE = [b"x" * 70_000]

STEPS = st.one_of(
    st.tuples(st.just("seek"), st.sampled_from([READS, OTHER]), st.integers(0, 50)),
    st.tuples(st.just("ask"), st.just(READS), st.just(0)),
    st.tuples(st.just("answer"), st.sampled_from([READS, OTHER]), st.integers(0, 3)),
    st.tuples(st.just("take"), st.sampled_from([READS, OTHER]), st.integers(1, 3)),
    st.tuples(st.just("clear"), st.just(READS), st.just(0)),
)


@given(st.lists(STEPS, max_size=40))
def test_what_is_taken_follows_on_from_the_last_seek(steps: list[tuple[str, TP, int]]) -> None:
    places = Places()
    asked = dict[TP, Place]()
    next_offset = dict[TP, int]()
    fetched = defaultdict[TP, int](int)  # records that wait to be taken
    for what, tp, number in steps:
        if what == "seek":
            places.seek({tp: number})
            next_offset[tp], fetched[tp] = number, 0
        elif what == "ask":
            asked = dict(places.due())
        elif what == "answer" and (place := asked.pop(tp, None)):
            is_current = places.due().get(tp) is place
            chunks = [chunk_of([b"v"] * number, first_offset=place.offset, tp=tp)] if number else []
            places.give(tp, place, chunks, place.offset + number)
            fetched[tp] += number * is_current
        elif what == "take":
            for chunk in places.take({tp}, number).get(tp, []):
                assert chunk.first_offset == next_offset[tp]
                next_offset[tp] = chunk.last_offset + 1
                fetched[tp] -= len(list(chunk))
        elif what == "clear":
            places.clear()
            next_offset.clear()
            fetched.clear()
    for tp in BOTH:
        taken = places.take({tp}, 100).get(tp, [])
        assert sum(len(list(chunk)) for chunk in taken) == fetched[tp]


def test_little_is_fetched_ahead_of_a_slow_taker_and_it_is_told_when_that_is_taken() -> None:
    places = Places()
    places.seek({READS: 0})
    assert places.wanting.is_set()
    assert not places.holding.is_set()
    places.wanting.clear()
    place = places.due()[READS]
    places.give(READS, place, [chunk_of([b"small"])], 1)
    assert READS in places.due()
    places.give(READS, place, [chunk_of(LARGE, first_offset=1)], 2)
    assert not places.due()
    assert places.holding.is_set()
    assert not places.wanting.is_set()
    assert [chunk.first_offset for chunk in places.take({READS}, 1)[READS]] == [0]
    assert not places.due()
    assert [chunk.first_offset for chunk in places.take({READS}, 1)[READS]] == [1]
    assert READS in places.due()
    assert places.wanting.is_set()


def test_partitions_take_turns() -> None:
    places = Places()
    places.seek({READS: 0, OTHER: 0})
    for tp, place in places.due().items():
        places.give(tp, place, [chunk_of([b"v"], first_offset=number, tp=tp) for number in range(3)], 3)
    assert [list(places.take(BOTH, 1)) for _ in range(4)] == [[READS], [OTHER], [READS], [OTHER]]


def test_a_fault_comes_after_what_was_fetched_before_it_and_ends_with_a_seek() -> None:
    places = Places()
    places.seek({READS: 0})
    place = places.due()[READS]
    places.give(READS, place, [chunk_of([b"v"])], 1)
    places.fail(READS, place, ValueError("broken"))
    assert not places.due()
    assert not places.take({OTHER}, 1)
    assert len(places.take({READS}, 1)[READS]) == 1
    with pytest.raises(ValueError, match="broken"):
        places.take({READS}, 1)
    places.seek({READS: 1})
    assert not places.take({READS}, 1)
    places.fail(READS, place, ValueError("of a place that is gone"))
    assert not places.take({READS}, 1)
