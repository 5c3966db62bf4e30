"""Step 6, kept: takes pictures off Kafka, checks them and writes them to the picture store.

A picture is on disk before it is committed; written again after a crash it is the same picture. What cannot be
decoded, is no JPEG or PNG, is too large or is not what its hash says becomes a dead letter; what is due for
destruction already is left out, and so is a picture of a suppressed plate, unless an active investigation names its
plate or its read. Where a picture was taken it does not say, so an investigation of readers or an area has none.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from platestream.clock import Clock, to_ms
from platestream.errors import InvalidMessage
from platestream.metrics import PICTURES_OVERDUE, PICTURES_STORED
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER
from schemas.messages import Picture
from sinks.holds.investigations import Withheld, nothing_withheld
from sinks.pictures.checking import check_picture
from sinks.pictures.store import PictureStore, ShelfDestroyed, day_of
from sinks.retention.rules import KeptSpan
from sinks.taken import Taken
from sinks.topic_sink import Limits, Place, Refused
from streams.ledger.suspending import NEVER_SUSPENDED, Suspensions

TOPIC = "plate-pictures"
GROUP = "storage-pictures"
LIMITS = Limits(messages=32, seconds=0.5)  # of up to 8 MiB each
_WRITERS = 8


class PictureKeeper:
    """Keeps pictures of reads collected less than `retention.days` ago, and not while use was suspended."""

    store = "The picture store"
    failures = OSError

    def __init__(
        self,
        settings: Settings,
        store: PictureStore,
        codec: Codec,
        clock: Clock,
        withhold: Callable[[], Withheld] = nothing_withheld,
        suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
    ) -> None:
        self._days = settings.retention.days
        self._max_bytes = settings.storage.max_picture_bytes
        self._store = store
        self._codec = codec
        self._clock = clock
        self._withhold = withhold
        self._suspensions = suspensions

    def sort(self, taken: Taken) -> tuple[list[Picture], Refused]:
        """The pictures to keep; of one that came twice, the later. Keeps: retention.suppressed"""
        span, withheld, suspended = KeptSpan.at(self._clock.now(), self._days), self._withhold(), self._suspensions()
        pictures = {}
        refused: Refused = []
        for message in taken:
            value = message.value
            if value == ROLL_MARKER:
                continue
            try:
                picture = decode_picture(value, self._codec, self._max_bytes)
                if span.is_overdue(to_ms(picture.collected_at)) or suspended.covers(picture.collected_at):
                    PICTURES_OVERDUE.inc()
                elif not withheld.withholds(picture):
                    pictures[day_of(picture.collected_at), picture.read_id, picture.kind] = picture
            except InvalidMessage as error:
                refused.append((message, error.reason))
        return list(pictures.values()), refused

    def keep(self, batch: Sequence[list[Picture]]) -> None:
        """Several at once: most of the time of a write is waiting for the disk."""
        with ThreadPoolExecutor(_WRITERS, "write-picture") as writers:
            for piece in batch:
                for _ in writers.map(self._write, piece):
                    pass

    def repair(self, batch: Sequence[list[Picture]]) -> list[tuple[Place, str]]:
        """Each was decoded and checked before, so a refusal is never the data's."""
        return []

    def _write(self, picture: Picture) -> None:
        try:
            self._store.write(day_of(picture.collected_at), picture.read_id, picture.kind, picture.content)
            PICTURES_STORED.inc()
        except ShelfDestroyed:  # its day came to its end since the picture was sorted
            PICTURES_OVERDUE.inc()


def decode_picture(value: bytes | None, codec: Codec, max_bytes: int) -> Picture:
    """Raises InvalidMessage when the value is no picture or its content is not one that may be kept."""
    picture = codec.decode(value)
    if not isinstance(picture, Picture):
        raise InvalidMessage("unknown-schema", f"A {type(picture).__name__} is not a picture.")
    check_picture(picture.content, picture.sha256, max_bytes)
    return picture
