"""Reads of 60 days made by the engine itself: 20 a vehicle, 1,000 readers over a city, a picture each."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

from bench.errors import BenchError
from bench.plates import PLATES, SCATTER
from sinks.clickhouse.store import Store

DAYS = 60
READERS = 1_000
READS_PER_VEHICLE = 20
SOUTH, WEST, STEP = 44.89, -93.20, 0.005  # a raster of 40 by 25 readers, some 500 m from each other
_ACROSS = 40
_DAY_SECONDS = 86_400

_FILL = """
INSERT INTO reads (
    folded_plate, plate, collected_at, read_id, state, device_id, received_at, latitude, longitude, confidence, pictures
)
SELECT
    substring(leftPad(hex(toUInt32(vehicle * {scatter:UInt64} % {plates:UInt64})), 8, '0'), 2) AS plate,
    plate,
    toDateTime64({midnight:Int64}, 3, 'UTC') + toIntervalMillisecond(chance % {day_ms:UInt64}),
    generateUUIDv4(),
    ['MN', 'MN', 'MN', 'WI', 'IA'][1 + chance % 5],
    concat('reader-', toString(reader)),
    now64(3, 'UTC'),
    {south:Float64} + intDiv(reader, {across:UInt64}) * {step:Float64},
    {west:Float64} + reader % {across:UInt64} * {step:Float64},
    0.5 + (chance % 500) / 1000,
    [(toFixedString(concat(
        reinterpretAsFixedString(chance), reinterpretAsFixedString(cityHash64(chance)),
        reinterpretAsFixedString(cityHash64(chance, 1)), reinterpretAsFixedString(cityHash64(chance, 2))
    ), 32), 'PLATE')]
FROM
(
    SELECT
        cityHash64(number, 'chance') AS chance,
        cityHash64(number, 'vehicle') % {vehicles:UInt64} AS vehicle,
        cityHash64(number, 'reader') % {readers:UInt64} AS reader
    FROM numbers({first:UInt64}, {rows:UInt64})
)
"""
# a day is one block and so one part; two days are made at a time
_BLOCKS = {
    "optimize_on_insert": 0,  # no plate and time comes up twice with one id
    "max_threads": 1,
    "max_insert_threads": 1,
    "max_block_size": 65_536,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 0,
}


def first_midnight(now: datetime) -> datetime:
    """Of the oldest day that is filled: today's reads are still to come, and day - 60 is destroyed."""
    return datetime.combine(now.astimezone(UTC).date(), time(tzinfo=UTC)) - timedelta(days=DAYS - 1)


def vehicles_of(rows: int) -> int:
    """How many different plates there are."""
    return max(rows // READS_PER_VEHICLE, 1)


def place_of(reader: int) -> tuple[float, float]:
    """Latitude and longitude of a reader by its number."""
    return SOUTH + reader // _ACROSS * STEP, WEST + reader % _ACROSS * STEP


def fill_reads(store: Store, rows: int, now: datetime) -> None:
    """A part a day. Raises BenchError when the count is wrong."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda day: _fill_day(store, rows, day, now), range(DAYS)))
    found = int(store.client().query("SELECT count() FROM reads").result_rows[0][0])
    if found != rows:
        raise BenchError(f"{found} reads are stored, not {rows}.")


def _fill_day(store: Store, rows: int, day: int, now: datetime) -> None:
    first, last = rows * day // DAYS, rows * (day + 1) // DAYS
    parameters = {
        "scatter": SCATTER,
        "plates": PLATES,
        "midnight": int((first_midnight(now) + timedelta(days=day)).timestamp()),
        "day_ms": _DAY_SECONDS * 1000,
        "south": SOUTH,
        "west": WEST,
        "step": STEP,
        "across": _ACROSS,
        "vehicles": vehicles_of(rows),
        "readers": READERS,
        "first": first,
        "rows": last - first,
    }
    store.client().command(_FILL, parameters=parameters, settings=_BLOCKS)
