"""What was taken goes on in parts, and a message of it is found by its offset."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.taken import Message, taken_of
from tests.chunks import chunk_of

VALUES = st.lists(st.none() | st.binary(max_size=5), max_size=30)


@given(values=VALUES, first=st.integers(0, 1000), batch_size=st.integers(1, 10), most=st.integers(1, 12))
def test_parts_are_the_whole(values: list[bytes | None], first: int, batch_size: int, most: int) -> None:
    whole = taken_of(chunk_of(values, first_offset=first, batch_size=batch_size), waiting=7)
    part, rest = whole.split(most)
    parts = [part]
    while rest is not None:
        part, rest = rest.split(most)
        parts.append(part)
    assert [message for part in parts for message in part] == list(whole)
    assert all(0 < len(part) <= most for part in parts) or not values
    assert [part.last_offset for part in parts[:-1]] == [first + most * number - 1 for number in range(1, len(parts))]
    assert (parts[-1].last_offset, parts[-1].waiting) == (first + len(values) - 1, 7)
    assert [part.waiting for part in parts] == [7 + first + len(values) - 1 - part.last_offset for part in parts]
    assert sum(part.bytes for part in parts) == whole.bytes


@given(values=VALUES, first=st.integers(0, 1000))
def test_a_message_says_where_it_was(values: list[bytes | None], first: int) -> None:
    taken = taken_of(chunk_of(values, first_offset=first), waiting=0)
    for number, value in enumerate(values):
        message = Message("reads", 0, first + number, None, value)
        assert taken.at(first + number) == taken[number] == message


def test_what_a_message_holds_is_not_in_what_is_printed() -> None:
    assert repr(Message("reads", 1, 2, b"SECRET1", b"SECRET1")) == "reads[1]@2"
