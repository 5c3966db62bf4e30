"""Step 4, matched: how many unusable reads are buried before the worker stops.

A few dead letters are a broken device. Very many are a producer that writes another record, or a schema that is not
known here: to bury all of that would be to lose the reads.
"""

from collections import defaultdict

from faust.types import TP

from platestream.errors import IntegrityError

_LEAST_READS = 10_000  # before a share of them says anything; the last one to two times as many count


class PoisonLimit:
    """At most `in_a_row` unusable reads in a row of a partition, and at most `share` of the latest reads of it."""

    def __init__(self, *, in_a_row: int, share: float) -> None:
        self._in_a_row = in_a_row
        self._share = share
        self._runs: dict[TP, tuple[int, int]] = {}  # the last unusable one's offset, and how many lead up to it
        self._reads: defaultdict[TP, float] = defaultdict(float)
        self._unusable: defaultdict[TP, float] = defaultdict(float)

    def count(self, tp: TP, *, reads: int, unusable: list[int]) -> None:
        """Count `reads` more reads, those at the offsets `unusable` among them.

        Raises IntegrityError past a limit: what is wrong must be found before more is buried.
        """
        for offset in unusable:
            last, run = self._runs.get(tp, (-2, 0))
            self._runs[tp] = offset, run + 1 if offset == last + 1 else 1
            if self._runs[tp][1] > self._in_a_row:
                raise _too_many(tp, offset, f"more than {self._in_a_row} reads in a row")
        self._reads[tp] += reads
        self._unusable[tp] += len(unusable)
        if self._reads[tp] >= _LEAST_READS and self._unusable[tp] > self._share * self._reads[tp]:
            raise _too_many(tp, unusable[-1], f"more than {self._share:.0%} of the latest {self._reads[tp]:.0f} reads")
        if self._reads[tp] >= 2 * _LEAST_READS:
            self._reads[tp] /= 2
            self._unusable[tp] /= 2


def _too_many(tp: TP, offset: int, what: str) -> IntegrityError:
    return IntegrityError(
        f"{tp.topic}[{tp.partition}]@{offset}: {what} cannot be used. See the reasons on dead-letters, mend what "
        "writes them, or raise processor.dead_letters_in_a_row or processor.dead_letter_share, and start again."
    )
