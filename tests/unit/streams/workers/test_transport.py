"""What the worker's consumer takes of what was fetched."""

import pytest
from faust.types import TP

from streams.chunks.places import Places
from streams.workers.transport import Consumer
from tests.chunks import READS, chunk_of

LIST = TP("list", 0)


def test_a_fault_of_a_source_takes_no_update_of_a_table_with_it() -> None:
    consumer = Consumer.__new__(Consumer)
    consumer._places = places = Places()
    places.seek({LIST: 0, READS: 0})
    due = places.due()
    places.give(LIST, due[LIST], [chunk_of([b"update"], tp=LIST)], 1)
    places.fail(READS, due[READS], ValueError("out of range"))
    [chunk] = consumer._take({LIST}, {READS})[LIST]
    assert [record.value for record in chunk] == [b"update"]
    with pytest.raises(ValueError, match="out of range"):
        consumer._take({LIST}, {READS})
