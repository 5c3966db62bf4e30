"""Steps 6, 7 and 9 on one engine and one picture store, with a ledger in memory and a clock that is set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from platestream.clock import SetClock
from platestream.settings import RetentionSettings, Settings
from schemas.codec import Codec
from schemas.messages import Picture, PictureReference, PlateRead
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldActs, HoldKey, Named
from sinks.holds.copying import HeldRows
from sinks.holds.keeping import HoldKeeper
from sinks.holds.partitions import HeldPartitions
from sinks.holds.state import HoldsState, fold_holds
from sinks.pictures.store import PictureStore, day_of
from sinks.retention.backups import backups_place
from sinks.retention.place import Place
from sinks.retention.places import places
from sinks.retention.suppression import SuppressionSweep
from sinks.retention.sweeping import Sweeper
from sinks.retention.waiting import Waiting
from streams.ledger.body import Body
from streams.ledger.events import body_of
from streams.ledger.holding import Selection
from streams.ledger.memory import MemoryLedger
from tests.holding import hold_acts, opened_hold
from tests.storing import NOW, a_picture, a_read, insert_reads

IMPATIENT = Waiting(patience_seconds=0, sleep=lambda _: None)


class ListedPlates:
    """Suppressed plates, folded, as a follower of the list would have them."""

    def __init__(self) -> None:
        self.folded: set[bytes] = set()

    def in_force(self, _: datetime) -> set[bytes]:
        return self.folded


@dataclass
class Retained:
    """What storage keeps, as one test has it. `clock` starts in the present, for the engine's TTL runs on its own."""

    store: Store
    codec: Codec
    home: Path
    clock: SetClock = field(default_factory=lambda: SetClock(NOW))
    log: list[bytes] = field(default_factory=list)
    days: int = 60

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home, retention=RetentionSettings(days=self.days))
        self.ledger = MemoryLedger(self.codec, fold_holds, HoldsState(), self.log)
        self.acts: HoldActs = hold_acts(self.settings, self.ledger, self.clock)
        self.suppressed = ListedPlates()
        self.restart()

    def restart(self) -> None:
        """As after a crash: nothing is remembered but what is on disk and in the ledger."""
        self.pictures = PictureStore(self.settings)
        self.suppression = SuppressionSweep(
            self.store, self.pictures, self.suppressed, Waiting(patience_seconds=60), settling_seconds=0
        )
        rows, partitions = HeldRows(self.store), HeldPartitions(self.store)
        self.keeper = HoldKeeper(rows, partitions, self.pictures, backups_place(self.settings), HoldKey(self.settings))
        self.places: Sequence[Place] = places(self.settings, self.store, self.pictures)

    def sweeper(self, waiting: Waiting = Waiting()) -> Sweeper:  # noqa: B008 - frozen
        return Sweeper(
            ledger=self.ledger,
            clock=self.clock,
            places=self.places,
            holder=self.keeper,
            limits=self.settings.retention,
            waiting=waiting,
        )

    def insert(self, *reads: PlateRead) -> None:
        """As the sink does, but for what it leaves out."""
        insert_reads(self.store, self.codec, *reads)

    def insert_with_picture(self, event: int | str, **fields: Any) -> PlateRead:
        """A read and its picture, both stored."""
        picture = a_picture(event, **{name: fields[name] for name in fields.keys() & {"plate", "collected_at"}})
        read = a_read(event, pictures=(PictureReference(sha256=picture.sha256, kind=picture.kind),), **fields)
        self.insert(read)
        self.put(picture)
        return read

    def put(self, picture: Picture) -> None:
        self.pictures.write(day_of(picture.collected_at), picture.read_id, picture.kind, picture.content)

    def open_hold(self, selection: Selection, named: Named = Named(), **fields: Any) -> UUID:  # noqa: B008 - frozen
        opened = opened_hold(selection, self.clock.now(), **fields)
        self.acts.open(opened, named)
        return opened.hold_id

    def follow(self) -> None:
        """One of the minutes in which holds take what is new and suppressed plates go."""
        state, now = self.ledger.replay_all(), self.clock.now()
        self.suppression.fill(now)
        self.keeper.follow(state, now)
        if self.suppression.sweep(state, now):
            self.keeper.look_again()

    def advance(self, days: float) -> None:
        self.clock.advance(timedelta(days=days))

    def stored(self) -> set[UUID]:
        return {read_id for (read_id,) in self.ask("SELECT read_id FROM reads")}

    def held(self, hold_id: UUID) -> set[UUID]:
        found = self.ask("SELECT read_id FROM held_reads WHERE hold_id = {hold_id:UUID}", hold_id=hold_id)
        assert len(found) == len(set(found)), "a read twice in a hold"
        return {read_id for (read_id,) in found}

    def ask(self, question: str, **parameters: Any) -> list[Any]:
        return list(self.store.client().query(question, parameters=parameters).result_rows)

    def bodies(self) -> list[Body]:
        """The bodies of all events of the ledger."""
        found = [body_of(self.codec.decode(event)) for event in self.log]
        return [body for body in found if body is not None]
