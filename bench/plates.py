"""Plates of the benches: seven characters each, all different, folded already, in no order.

Number n below the list's length is a listed plate; the others are not. Plates that only a PARTIAL entry meets start
with a letter that no number gives.
"""

from collections.abc import Iterator

from bench.errors import BenchError

PLATES = 16**7
PLATE_BYTES = 7
SCATTER = 0x9E3779B  # odd, so that no two numbers give one plate


def plate(number: int) -> bytes:
    """The plate of a number below PLATES."""
    return b"%07X" % (number * SCATTER % PLATES)


def listed_plates(count: int, entries: int) -> list[bytes]:
    """`count` different plates of a list of `entries`, from all over it. Raises BenchError when it has not as many."""
    if count > entries:
        raise BenchError(f"{count} hits need at least as many entries; raise ENTRIES, or have fewer reads sent.")
    step = entries // count if count else 1
    return [plate(number * step) for number in range(count)]


def unlisted_plates(entries: int) -> Iterator[bytes]:
    """Plates that are not on a list of `entries`, without end."""
    while True:
        for number in range(entries, PLATES):
            yield plate(number)


def partial_plate(number: int) -> bytes:
    """A plate that no number gives; `number` is below 1000."""
    return b"QZ%03dXY" % number


def partial_pattern(number: int) -> str:
    """What a PARTIAL entry knows of partial_plate(number): all but the last two characters."""
    return f"QZ{number:03d}??"
