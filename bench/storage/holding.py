"""A thousand open holds, by plate, that take their reads while the sink runs, as in the storage process.

Rounds come as often as in the storage process (`retention.sweep_seconds`), the first after half of that time, so that a
run of that length has one.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from bench.errors import BenchError
from bench.plates import plate
from platestream.clock import SetClock
from platestream.settings import Settings
from sinks.clickhouse.store import Store
from sinks.holds.acts import HoldKey, Named
from sinks.holds.copying import HeldRows
from sinks.holds.investigations import Investigations
from sinks.holds.keeping import HoldKeeper
from sinks.holds.partitions import HeldPartitions
from sinks.holds.state import Hold, HoldsState
from sinks.pictures.store import PictureStore
from sinks.retention.backups import backups_place
from streams.ledger.holding import ByPlate, HoldOpened
from streams.ledger.sealing import Seals, new_private_key, read_private_key

HOLDS = 1_000


class Holds:
    """Holds on the first plates of the bench. `taking` them is measured with what runs beside it."""

    def __init__(self, settings: Settings, store: Store, clock: SetClock) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        key_file = settings.path(settings.storage.holds_key_file)
        new_private_key(key_file)
        seals = Seals([read_private_key(key_file).public_key], bytes(32))
        self._key = HoldKey(settings)
        self._state = HoldsState(
            holds=MappingProxyType({UUID(int=1 + number): _hold(number, clock.now(), seals) for number in range(HOLDS)})
        )
        self._failure: BaseException | None = None

    def investigations(self) -> Investigations:
        """As the sink is told of them."""
        holds = enumerate(self._state.holds.values())
        return Investigations([(hold, Named((_held_plate(number),))) for number, hold in holds])

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Opened, and then filled round after round until the block ends."""
        keeper, ended = self._keeper(), threading.Event()
        keeper.follow(self._state, self._clock.now())
        thread = threading.Thread(target=self._follow, args=(keeper, ended), name="holds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if self._failure:
            raise BenchError(f"Holds took no reads: {self._failure}") from self._failure
        keeper.copy_due(self._state, self._clock.now() + timedelta(days=1), self._clock.now())

    def check(self) -> int:
        """How many reads are held. Raises BenchError unless each stored read of a held plate is in its hold."""
        expected = self._ask("SELECT uniqExact(read_id) FROM reads WHERE folded_plate IN {plates:Array(String)}")
        held = self._ask("SELECT uniqExact(read_id) FROM held_reads WHERE folded_plate IN {plates:Array(String)}")
        if held != expected:
            raise BenchError(f"{held} reads are held, not {expected}.")
        return held

    def _follow(self, keeper: HoldKeeper, ended: threading.Event) -> None:
        try:
            seconds = self._settings.retention.sweep_seconds
            is_over = ended.wait(seconds / 2)
            while not is_over:
                keeper.follow(self._state, self._clock.now())
                is_over = ended.wait(seconds)
        except BaseException as error:
            self._failure = error

    def _keeper(self) -> HoldKeeper:
        settings, store = self._settings, self._store
        rows, partitions = HeldRows(store), HeldPartitions(store)
        return HoldKeeper(rows, partitions, PictureStore(settings), backups_place(settings), self._key)

    def _ask(self, question: str) -> int:
        plates = [_held_plate(number) for number in range(HOLDS)]
        return int(self._store.client().query(question, parameters={"plates": plates}).result_rows[0][0])


def _held_plate(number: int) -> str:
    return plate(number).decode()


def _hold(number: int, now: datetime, seals: Seals) -> Hold:
    until = now + timedelta(days=90)
    opened = HoldOpened(
        hold_id=UUID(int=1 + number),
        hold_kind="investigation",
        case_number="26-000042",
        document_id="memo-1",
        opened_by="investigator-1",
        attested_until=until,
        selection=ByPlate(collected_from=now - timedelta(days=90), collected_until=until),
    )
    named = {"plates": [_held_plate(number)], "read_ids": []}
    return Hold(opened=opened, sealed=seals.seal(json.dumps(named).encode()), attested_until=until)
