"""What was collected while use was suspended is not stored, whichever way it came."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from platestream.clock import SetClock
from platestream.settings import Settings
from schemas.codec import Codec
from sinks.clickhouse.sink import reads_keeper
from sinks.pictures.sink import PictureKeeper
from sinks.pictures.store import PictureStore
from streams.ledger.suspending import SuspendedSpan, Suspensions
from tests.storing import NOW, a_picture, a_read, an_image, messages_of

HOUR = timedelta(hours=1)
SUSPENDED = Suspensions((SuspendedSpan(NOW - 3 * HOUR, NOW - 2 * HOUR), SuspendedSpan(NOW - HOUR)))
KEPT = [NOW - 4 * HOUR, NOW - 2 * HOUR]
LEFT_OUT = [NOW - 3 * HOUR, NOW - 2.5 * HOUR, NOW - HOUR, NOW - HOUR / 2]


@pytest.mark.rule("suspension.order")
def test_reads_are_kept_by_when_they_were_collected(codec: Codec) -> None:
    nowhere: Any = None  # sorting touches no store
    keeper = reads_keeper(nowhere, codec, SetClock(NOW), 60, suspensions=lambda: SUSPENDED)
    reads = [a_read(event, collected_at=at) for event, at in enumerate((*KEPT, *LEFT_OUT))]
    [kept], refused = keeper.sort(messages_of(codec, *reads))
    assert list(kept.offsets) == list(range(len(KEPT)))
    assert not refused


@pytest.mark.rule("suspension.order")
def test_pictures_go_with_their_reads(codec: Codec, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    keeper = PictureKeeper(settings, PictureStore(settings), codec, SetClock(NOW), suspensions=lambda: SUSPENDED)
    pictures = [
        a_picture(number, content=an_image(number), collected_at=at) for number, at in enumerate((*KEPT, *LEFT_OUT))
    ]
    kept, refused = keeper.sort(messages_of(codec, *pictures))
    assert [picture.collected_at for picture in kept] == KEPT
    assert not refused
