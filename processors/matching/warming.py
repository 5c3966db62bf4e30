"""Step 4, matched: has numba compile all that is compiled, before a read waits for it.

That takes about twenty seconds once, and a second from then on, when it is only loaded. `make` runs it as a part of an
installation; where code has changed since, or could not be kept, a worker that starts compiles.
"""

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from processors.matching.plain import others_than_plain
from processors.matching.table import PlateTable
from streams.chunks.batch import batches_in
from streams.chunks.plates import folded_lines, ids_of
from streams.chunks.records import unpack

_PLATES = 1000  # more than the fewest slots have room for
_SEGMENT_BYTES, _SLOTS_MOVED = 1024, 64  # so small that a table grows and cleans what was replaced
_WIRE_IDS = (1, 2)


def warm_up() -> None:
    """Returns when everything is compiled."""
    table = PlateTable(_WIRE_IDS, _SEGMENT_BYTES, _SLOTS_MOVED)
    for number in range(2 * _PLATES):
        table.put(b"%07d" % (number % _PLATES), b"id")
    table.remove(b"0000000", b"id")
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    builder.append(0, 0, b"0000001", *table.values(b"0000001")[0][1:], [])
    records = unpack(batches_in(bytes(builder.build())))
    table.listed(records, ids_of(_WIRE_IDS))
    folded_lines(records, _WIRE_IDS)
    others_than_plain(records, _WIRE_IDS)


if __name__ == "__main__":
    warm_up()
