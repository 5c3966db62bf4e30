"""Step 6, kept: takes pictures off Kafka, checks them and writes them to the picture store.

A picture is on disk before it is committed; written again after a crash it is the same picture. What cannot be
decoded, is no JPEG or PNG, is too large or is not what its hash says becomes a dead letter; what is due for
destruction already is left out.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

from confluent_kafka import Message

from platestream.clock import Clock, to_ms
from platestream.errors import InvalidMessage, TransientError
from platestream.metrics import PICTURES_OVERDUE, PICTURES_STORED
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER
from schemas.messages import Picture
from sinks.dead_letters import DeadLetters
from sinks.intake import Intake, Stopped
from sinks.pictures.checking import check_picture
from sinks.pictures.store import PictureStore, ShelfDestroyed, day_of
from sinks.retention.rules import KeptSpan

TOPIC = "plate-pictures"
GROUP = "storage-pictures"
_MOST_PICTURES = 32
_SECONDS = 0.5
_WRITERS = 8
_PATIENCE_SECONDS = 600

_log = logging.getLogger(__name__)


class PictureSink:
    """`run` until told to stop; make one, run it once."""

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        store: PictureStore,
        codec: Codec,
        dead_letters: DeadLetters,
        clock: Clock,
    ) -> None:
        self._days = settings.retention.days
        self._max_bytes = settings.storage.max_picture_bytes
        self._intake = intake
        self._store = store
        self._codec = codec
        self._dead_letters = dead_letters
        self._clock = clock
        self._writers = ThreadPoolExecutor(_WRITERS, "write-picture")

    def run(self, stop: Event, beat: Callable[[], None], patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Keep pictures until `stop` is set, then finish the batch in hand. `beat` is called at least each second.

        Raises IntegrityError when pictures were lost before they got here, TransientError when the store or Kafka
        stay away for `patience_seconds`, ConfigError when the topic is missing.
        """

        def turn() -> bool:
            beat()
            return not stop.is_set()

        with closing(self._intake), self._writers:
            while turn():
                messages = self._intake.take(_MOST_PICTURES, _SECONDS)
                if messages and self._keep(messages, turn, patience_seconds):
                    self._intake.commit(messages)

    def _keep(self, messages: list[Message], turn: Callable[[], bool], patience_seconds: float) -> bool:
        """False when it was told to stop before all were kept."""
        pictures = self._sort(messages)
        try:
            self._intake.persist(lambda: self._write(pictures), OSError, patience_seconds, turn)
            self._dead_letters.flush()
        except Stopped:
            _log.warning("stopped while the picture store took none; they stay on Kafka")
            return False
        except OSError as error:
            raise TransientError(f"The picture store takes no pictures ({type(error).__name__}).") from None
        return True

    def _sort(self, messages: list[Message]) -> list[Picture]:
        """The pictures to keep; of one that came twice, the later."""
        span = KeptSpan.at(self._clock.now(), self._days)
        pictures = {}
        for message in messages:
            value = message.value()
            if value == ROLL_MARKER:
                continue
            try:
                picture = decode_picture(value, self._codec, self._max_bytes)
                if span.is_overdue(to_ms(picture.collected_at)):
                    PICTURES_OVERDUE.inc()
                else:
                    pictures[day_of(picture.collected_at), picture.read_id, picture.kind] = picture
            except InvalidMessage as error:
                self._dead_letters.put(message, error.reason)
        return list(pictures.values())

    def _write(self, pictures: list[Picture]) -> None:
        """Several at once: most of the time of a write is waiting for the disk. Safe to repeat. Raises OSError."""
        for _ in self._writers.map(self._write_one, pictures):
            pass

    def _write_one(self, picture: Picture) -> None:
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
