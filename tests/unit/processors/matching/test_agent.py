"""The loop over chunks: what is judged ahead, what is acknowledged when, and that the event loop goes on turning."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock, patch

import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from platestream.clock import SetClock
from platestream.errors import IntegrityError, InvalidMessage
from platestream.settings import MatchingSettings
from processors.matching import agent, sending
from processors.matching.agent import Judge, match_chunks
from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from processors.matching.outlet import Portion
from processors.matching.poison import PoisonLimit
from processors.matching.sending import Sender
from processors.passages.passages import Passages
from processors.passages.rules import PassageRule
from schemas.codec import Codec
from schemas.framing import ROLL_MARKER, frame
from schemas.messages import Alert, DeadLetter
from schemas.plates import hotlist_key
from streams.chunks.chunk import Chunk
from streams.ledger.suspending import NEVER_SUSPENDED, SuspendedSpan, Suspensions
from streams.workers.delivery import Message
from tests.chunks import READS, chunk_of, records_with
from tests.matching import NOW, a_read, an_entry

OTHER = TP("reads", 1)


class Ended(Exception):  # noqa: N818
    """What ends a process here."""


class Event:
    """A chunk as Faust hands it out."""

    def __init__(self, chunk: Chunk) -> None:
        self.value = chunk
        self.acked = False

    def ack(self) -> None:
        self.acked = True


class Stream:
    """Events that come when they are put."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    def put(self, chunk: Chunk) -> Event:
        event = Event(chunk)
        self._queue.put_nowait(event)
        return event

    def waiting(self) -> int:
        return self._queue.qsize()

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Event]:
        while True:
            yield await self._queue.get()


class Gate:
    """An outlet whose messages are acknowledged when it is told, in their order."""

    def __init__(self) -> None:
        self.handed_over: list[tuple[int, list[Alert]]] = []
        self._open = asyncio.Semaphore(0)
        self.failure: Exception | None = None

    async def pack(self, _: Iterable[Alert]) -> list[Message]:
        return []

    def hand_over(
        self, _letters: list[DeadLetter], alerts: list[Alert], _packed: list[Message], partition: int
    ) -> Coroutine[Any, Any, None]:
        self.handed_over.append((partition, alerts))
        return self._through()

    async def _through(self) -> None:
        await self._open.acquire()
        if self.failure:
            raise self.failure

    async def let_through(self, times: int = 1) -> None:
        for _ in range(times):
            self._open.release()
        await turns()


class Log:
    """A log that is empty whenever it is read back, and when that was."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], Passages] = {}

    def is_of(self, generation: int) -> bool:
        return bool(self.asked) and self.asked[-1][1] == generation

    async def passages(self, partition: int, generation: int, _: datetime) -> Passages:
        self.asked.append((partition, generation))
        return self._known.setdefault((partition, generation), Passages(PassageRule()))


def a_sender(gate: Gate, log: Log | None = None, generation: Callable[[], int] = lambda: 1) -> Sender:
    return Sender(log or Log(), gate, SetClock(NOW), generation)  # type: ignore[arg-type]


def matched() -> float:
    return REGISTRY.get_sample_value("platestream_processor_reads_total") or 0


async def turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def a_judge(
    codec: Codec,
    *plates: str,
    limit: PoisonLimit | None = None,
    suspensions: Callable[[], Suspensions] = lambda: NEVER_SUSPENDED,
) -> Judge:
    hotlist = Hotlist(codec, MatchingSettings())
    for plate in plates:
        hotlist.apply(hotlist_key(plate, "e1"), codec.encode(an_entry(plate)))
    limit = limit or PoisonLimit(in_a_row=100_000, share=1)
    matcher = Matcher(codec, hotlist, frozenset(), MatchingSettings())
    return Judge(hotlist, matcher, limit, SetClock(NOW), suspensions)


def hits(codec: Codec, count: int, first: int = 0) -> list[bytes]:
    """Reads of one car, none a resend."""
    return [codec.encode(a_read(event=str(number))) for number in range(first, first + count)]


async def test_a_chunk_is_acknowledged_when_all_that_it_led_to_is_and_in_order(codec: Codec) -> None:
    stream, gate = Stream(), Gate()
    loop = asyncio.create_task(match_chunks(stream, a_judge(codec, "ABC123"), a_sender(gate)))  # type: ignore[arg-type]
    events = [stream.put(chunk_of(hits(codec, 1, first), first_offset=first)) for first in range(2)]
    events += [stream.put(chunk_of([codec.encode(a_read("OTHER1"))])), stream.put(chunk_of(hits(codec, 1), tp=OTHER))]
    await turns()
    assert [(partition, len(alerts)) for partition, alerts in gate.handed_over] == [(0, 1), (0, 1), (1, 1)]
    assert [alert.sighting for _, alerts in gate.handed_over for alert in alerts] == [1, 2, 1]
    for acknowledged in ([], [0], [0, 1, 2], [0, 1, 2, 3]):
        assert [number for number, event in enumerate(events) if event.acked] == acknowledged
        await gate.let_through()
    without_hits = stream.put(chunk_of([codec.encode(a_read("OTHER1"))]))
    await turns()
    assert without_hits.acked
    loop.cancel()


async def test_what_is_on_its_way_is_finished_when_the_agent_is_cancelled(codec: Codec) -> None:
    stream, gate = Stream(), Gate()
    loop = asyncio.create_task(match_chunks(stream, a_judge(codec, "ABC123"), a_sender(gate)))  # type: ignore[arg-type]
    event = stream.put(chunk_of(hits(codec, 1)))
    await turns()
    loop.cancel()
    await turns()
    assert loop.cancelled()
    assert not event.acked
    await gate.let_through()
    assert event.acked


async def test_no_more_is_on_its_way_than_a_portion(codec: Codec) -> None:
    stream, gate = Stream(), Gate()
    loop = asyncio.create_task(match_chunks(stream, a_judge(codec, "ABC123"), a_sender(gate)))  # type: ignore[arg-type]
    for number in range(3):
        stream.put(chunk_of(hits(codec, 600, 600 * number), first_offset=600 * number))
    for count in (1, 2, 3):
        async with asyncio.timeout(60):  # compiled code may have to be made first
            while len(gate.handed_over) < count:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert len(gate.handed_over) == count
        await gate.let_through()
    loop.cancel()


async def test_few_chunks_wait_behind_an_alert_that_is_not_acknowledged(codec: Codec) -> None:
    stream, gate = Stream(), Gate()
    loop = asyncio.create_task(match_chunks(stream, a_judge(codec, "ABC123"), a_sender(gate)))  # type: ignore[arg-type]
    stream.put(chunk_of(hits(codec, 1)))
    for number in range(100):
        stream.put(chunk_of([codec.encode(a_read("OTHER1"))], first_offset=1 + number))
    for _ in range(20):
        await turns()
    assert stream.waiting() == 101 - sending._MOST_CHUNKS - 1  # one more is in hand
    await gate.let_through()
    for _ in range(20):
        await turns()
    assert not stream.waiting()
    loop.cancel()


async def test_the_log_is_read_back_when_all_that_was_sent_before_a_rebalance_is_on_it(codec: Codec) -> None:
    stream, gate, log, generations = Stream(), Gate(), Log(), [1]
    sender = a_sender(gate, log, lambda: generations[-1])
    loop = asyncio.create_task(match_chunks(stream, a_judge(codec, "ABC123"), sender))  # type: ignore[arg-type]
    for first in range(3):
        stream.put(chunk_of(hits(codec, 1, first), first_offset=first))
        await turns()
        generations.append(1 + first)
    assert log.asked == [(0, 1), (0, 1)]
    assert len(gate.handed_over) == 2
    await gate.let_through(2)
    assert log.asked == [(0, 1), (0, 1), (0, 2)]
    loop.cancel()


async def test_an_error_ends_the_process_and_acknowledges_nothing(codec: Codec) -> None:
    gate, stream = Gate(), Stream()
    gate.failure = KeyError()
    ended = Mock(side_effect=Ended)
    with patch.object(agent, "end_process", ended), patch.object(sending, "end_process", ended):
        sender = a_sender(gate)
        await sender.send(Portion(READS, alert_count=1), event := Event(chunk_of([])))
        assert sender._last
        await gate.let_through()
        with pytest.raises(Ended):
            await sender._last
        stream.put(chunk_of([codec.encode(a_read())]))
        with patch.object(Hotlist, "select", side_effect=KeyError), pytest.raises(Ended):
            await match_chunks(stream, a_judge(codec), sender)  # type: ignore[arg-type]
    assert [type(call.args[0]) for call in ended.call_args_list] == [KeyError, KeyError]
    assert not event.acked


async def test_a_chunk_gives_its_alerts_and_letters_in_order_in_portions_of_bounded_size(codec: Codec) -> None:
    poison = [b"{}", None, frame(codec.wire_id("PlateRead"), b"\x00rest")]
    values = [codec.encode(a_read(event=str(number))) for number in range(2500)]
    before = matched()
    chunk = chunk_of(
        [*values[:1200], *poison, codec.encode(a_read("OTHER1")), *values[1200:], ROLL_MARKER], first_offset=70
    )
    portions = [given async for given in a_judge(codec, "ABC123").portions(chunk)]
    assert [is_last for _, is_last in portions] == [False, False, True]
    assert max(len(portion) for portion, _ in portions) == 1000
    raised = [read for portion, _ in portions for read in portion.raised]
    assert [read.offset for read in raised] == [*range(70, 1270), *range(1274, 2574)]
    assert [read.alerts[0].read_id for read in raised] == [codec.decode(value).read_id for value in values]
    assert matched() == before + 2501
    letters = [letter for portion, _ in portions for letter in portion.letters]
    assert [(letter.offset, letter.reason, letter.value) for letter in letters] == [
        (1270, "not-framed", b"{}"),
        (1271, "not-framed", None),
        (1272, "plate-missing", poison[2]),
    ]


async def test_too_much_poison_stops_the_worker_with_a_sentence(codec: Codec) -> None:
    judge = a_judge(codec, limit=PoisonLimit(in_a_row=5, share=1))
    with pytest.raises(IntegrityError, match=r"reads\[0\]@17: more than 5 reads in a row cannot be used"):
        [_ async for _ in judge.portions(chunk_of([b"x"] * 8, first_offset=12))]


@pytest.fixture
def frozen() -> Iterator[None]:
    """As a worker that has loaded its list: the garbage collector does not walk through what is there already."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("kind", ["hits", "one plate with many entries", "poison", "unlisted"])
async def test_others_on_the_event_loop_have_their_turn_within_50_ms_of_work(codec: Codec, kind: str) -> None:
    """Time of this thread, not of the clock: other processes on the machine do not count."""
    judge = a_judge(codec, "ABC123")
    if kind == "one plate with many entries":
        for number in range(100):
            judge._hotlist.apply(hotlist_key("ABC123", f"n{number}"), codec.encode(an_entry(entry_id=f"n{number}")))
    value = {"poison": b"\x00", "unlisted": codec.encode(a_read("OTHER1"))}.get(kind, codec.encode(a_read()))
    chunk = chunk_of([value] * {"unlisted": 100_000, "one plate with many entries": 100}.get(kind, 6000))
    longest, done = 0.0, False

    async def probe() -> None:
        nonlocal longest
        while not done:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    probing = asyncio.create_task(probe())
    count = sum([len(portion) async for portion, _ in judge.portions(chunk)])
    done = True
    await probing
    assert count == {"unlisted": 0, "one plate with many entries": 10_100}.get(kind, 6000)
    assert longest < 0.05


def test_the_matcher_is_asked_only_for_what_is_selected(codec: Codec) -> None:
    with patch.object(Matcher, "alerts_of", side_effect=InvalidMessage("x", "y")) as asked:
        judge = a_judge(codec, "ABC123")
        for selected in judge._hotlist.select(records_with([codec.encode(a_read("OTHER1")), codec.encode(a_read())])):
            assert not judge._judge(selected, Portion(READS))
    assert asked.call_count == 1


@pytest.mark.rule("suspension.order")
async def test_nothing_is_matched_while_use_is_suspended_and_nothing_that_was_collected_then(codec: Codec) -> None:
    known = [Suspensions((SuspendedSpan(NOW - timedelta(hours=1)),))]
    judge = a_judge(codec, "ABC123", suspensions=lambda: known[-1])
    reads = [a_read(collected_at=NOW - timedelta(minutes=age)) for age in (90, 30, 1)]
    values, before = [codec.encode(read) for read in reads], matched()
    [(portion, is_last)] = [one async for one in judge.portions(chunk_of(values))]
    assert (len(portion), is_last, matched()) == (0, True, before)
    known.append(Suspensions((SuspendedSpan(NOW - timedelta(hours=1), NOW - timedelta(minutes=10)),)))
    [(portion, _)] = [one async for one in judge.portions(chunk_of(values))]
    alerted = [alert.collected_at for raised in portion.raised for alert in raised.alerts]
    assert alerted == [reads[0].collected_at, reads[2].collected_at]
    assert matched() == before + 3
