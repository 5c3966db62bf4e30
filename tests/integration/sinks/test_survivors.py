"""Random reads, resends, holds, suppressions and steps of the clock: what survives is what an oracle says, no more.

The oracle knows no table: it is sets of reads and the rules in words. Retention is three days here, so that steps of
hours cross it. `make soak` tries many and long histories.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from platestream.retention import first_kept
from schemas.codec import Codec
from schemas.messages import PictureKind, PictureReference, PlateRead
from schemas.plates import fold
from sinks.clickhouse.store import Store
from sinks.holds.acts import Named
from sinks.pictures.store import day_of
from streams.ledger.holding import ByPlate, ByReaders, ByReads, Selection
from tests.holding import changed_hold
from tests.retaining import Retained
from tests.storing import a_picture, a_read

SOAK = bool(os.environ.get("PLATESTREAM_SOAK"))
DAYS = 3
GRACE = timedelta(days=30)
PLATES = ("ABC123", "KLM0I5", "XYZ789")
TABLES = ("reads", "alerts", "held_reads", "held_alerts", "blanked_reads", "suppressed_plates")


@dataclass
class OracleHold:
    """A hold as the order says it in words."""

    is_investigation: bool
    selection: Selection
    named: Named
    attested_until: datetime
    destroy_at: datetime | None = None
    is_disposed: bool = False
    kept: set[UUID] = field(default_factory=set)

    def is_active(self, now: datetime) -> bool:
        """An investigation that is not over and was attested."""
        return self.is_investigation and self.destroy_at is None and now < self.attested_until

    def takes(self, now: datetime) -> bool:
        return self.is_active(now) if self.is_investigation else not self.is_disposed

    def is_over(self, now: datetime) -> bool:
        if not self.is_investigation:
            return self.is_disposed
        return now >= (self.destroy_at if self.destroy_at is not None else self.attested_until + GRACE)

    def is_about(self, read: PlateRead) -> bool:
        if isinstance(self.selection, ByReads):
            return read.read_id in self.named.read_ids
        if not self.selection.collected_from <= read.collected_at < self.selection.collected_until:
            return False
        if isinstance(self.selection, ByReaders):
            return read.device_id in self.selection.device_ids
        return fold(read.plate) in {fold(plate) for plate in self.named.plates}


class Survivors(RuleBasedStateMachine):
    """The store and the oracle side by side, compared after each round of the retention loop."""

    store: ClassVar[Store]
    codec: ClassVar[Codec]

    def __init__(self) -> None:
        super().__init__()
        for table in TABLES:
            self.store.client().command(f"TRUNCATE TABLE {table}")
        self.folder = tempfile.TemporaryDirectory()
        self.retained = Retained(self.store, self.codec, Path(self.folder.name), days=DAYS)
        self.reads: dict[UUID, PlateRead] = {}
        self.stored: set[UUID] = set()
        self.holds: dict[UUID, OracleHold] = {}
        self.suppressed: set[str] = set()

    def teardown(self) -> None:
        self.round()
        self.folder.cleanup()

    @property
    def now(self) -> datetime:
        return self.retained.clock.now()

    @rule(plate=st.sampled_from(PLATES), reader=st.sampled_from(["gate-1", "gate-2"]), hours=st.integers(0, 90))
    def read_comes(self, plate: str, reader: str, hours: int) -> None:
        number, at = len(self.reads), self.now - timedelta(hours=hours)
        picture = a_picture(number, collected_at=at)
        references = (PictureReference(sha256=picture.sha256, kind=picture.kind),)
        read = a_read(number, plate=plate, device_id=reader, collected_at=at, pictures=references)
        self.reads[read.read_id] = read
        self._store(read)

    @precondition(lambda self: self.reads)
    @rule(data=st.data())
    def read_comes_again(self, data: st.DataObject) -> None:
        self._store(self.reads[data.draw(st.sampled_from(sorted(self.reads)))])

    @rule(
        by=st.sampled_from(["plate", "readers", "reads"]),
        plate=st.sampled_from(PLATES),
        is_investigation=st.booleans(),
        hours=st.tuples(st.integers(-100, 50), st.integers(1, 150)),
        attested_days=st.integers(1, 40),
    )
    def hold_is_opened(
        self, by: str, plate: str, is_investigation: bool, hours: tuple[int, int], attested_days: int
    ) -> None:
        start = self.now + timedelta(hours=hours[0])
        span = {"collected_from": start, "collected_until": start + timedelta(hours=hours[1])}
        selection, named = _selection(by, plate, span, sorted(self.reads)[:3])
        if selection is None:
            return
        until = self.now + timedelta(days=attested_days)
        kind = "investigation" if is_investigation else "exculpatory"
        hold_id = self.retained.open_hold(selection, named, hold_kind=kind, attested_until=until)
        self.holds[hold_id] = OracleHold(is_investigation, selection, named, until)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), days=st.integers(0, 20), is_attested=st.booleans())
    def hold_is_changed(self, data: st.DataObject, days: int, is_attested: bool) -> None:
        hold_id = data.draw(st.sampled_from(list(self.holds)))  # in the order of their opening: ids are random
        hold = self.holds[hold_id]
        at = self.now + timedelta(days=days)
        if is_attested and days and not hold.is_disposed:
            self.retained.acts.change(changed_hold(hold_id, "attested", attested_until=at))
            hold.attested_until, hold.destroy_at = at, None
        elif hold.is_investigation:
            self.retained.acts.change(changed_hold(hold_id, "inactive", destroy_at=at))
            hold.destroy_at = at
        elif not hold.is_disposed:
            self.retained.acts.change(changed_hold(hold_id, "disposed"))
            hold.is_disposed = True

    @rule(plate=st.sampled_from(PLATES))
    def list_of_suppressed_changes(self, plate: str) -> None:
        self.suppressed ^= {fold(plate)}
        self.retained.suppressed.folded = {folded.encode() for folded in self.suppressed}

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.retained.clock.advance(timedelta(hours=hours))

    @rule()
    def process_is_started_anew(self) -> None:
        self.retained.restart()

    @rule()
    def round(self) -> None:
        """Fill, follow, sweep, as the storage process does, then compare."""
        self.retained.follow()
        self.retained.sweeper().sweep()
        self._expect_round()
        assert self.retained.stored() == self.stored
        rows = self.retained.ask("SELECT DISTINCT hold_id, read_id FROM held_reads")
        assert set(rows) == {(hold_id, read_id) for hold_id, hold in self.holds.items() for read_id in hold.kept}
        assert self._pictures() == self._expected_pictures()

    def _expect_round(self) -> None:
        for hold in self.holds.values():
            if hold.takes(self.now):
                hold.kept |= {
                    read_id
                    for read_id in self.stored
                    if hold.is_about(self.reads[read_id])
                    and (hold.is_active(self.now) or not self._is_suppressed(read_id))
                }
            if not hold.is_active(self.now):
                hold.kept -= {read_id for read_id in hold.kept if self._is_suppressed(read_id)}
        self.holds = {hold_id: hold for hold_id, hold in self.holds.items() if not hold.is_over(self.now)}
        self.stored = {
            read_id
            for read_id in self.stored
            if not self._is_suppressed(read_id) and not self._is_overdue(self.reads[read_id])
        }

    def _store(self, read: PlateRead) -> None:
        """As the sink does: nothing that is due, nothing suppressed unless an active investigation is about it."""
        is_kept = not self._is_suppressed(read.read_id) or any(
            hold.is_active(self.now) and hold.is_about(read) for hold in self.holds.values()
        )
        if self._is_overdue(read) or not is_kept:
            return
        self.retained.insert(read)
        number = list(self.reads).index(read.read_id)
        self.retained.put(a_picture(number, collected_at=read.collected_at))
        self.stored.add(read.read_id)

    def _is_suppressed(self, read_id: UUID) -> bool:
        return fold(self.reads[read_id].plate) in self.suppressed

    def _is_overdue(self, read: PlateRead) -> bool:
        return read.collected_at < first_kept(self.now, DAYS)

    def _pictures(self) -> set[tuple[object, UUID]]:
        """Shelf and read of every picture that the store can give back."""
        shelves = self.retained.pictures.shelves()
        return {(shelf, read_id) for shelf in shelves for read_id in self.reads if self._has_picture(shelf, read_id)}

    def _has_picture(self, shelf, read_id: UUID) -> bool:  # type: ignore[no-untyped-def]
        try:
            return bool(self.retained.pictures.read(shelf, read_id, PictureKind.PLATE))
        except FileNotFoundError:
            return False

    def _expected_pictures(self) -> set[tuple[object, UUID]]:
        days = {(day_of(self.reads[read_id].collected_at), read_id) for read_id in self.stored}
        return days | {(hold_id, read_id) for hold_id, hold in self.holds.items() for read_id in hold.kept}


def _selection(by, plate, span, read_ids):  # type: ignore[no-untyped-def]
    if by == "plate":
        return ByPlate(**span), Named(plates=(plate,))
    if by == "readers":
        return ByReaders(device_ids=("gate-2",), **span), Named()
    return (ByReads(read_count=len(read_ids)), Named(read_ids=tuple(read_ids))) if read_ids else (None, Named())


@pytest.fixture
def machine(store: Store, codec: Codec) -> Iterator[type[Survivors]]:
    Survivors.store, Survivors.codec = store, codec
    yield Survivors


@pytest.mark.rule("retention.sixty-days")
@pytest.mark.rule("retention.suppressed")
@pytest.mark.rule("evidence.copy")
@pytest.mark.timeout(3600)
def test_survivors_are_those_of_the_oracle(machine: type[Survivors]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=hypothesis_settings(
            max_examples=60 if SOAK else 2,
            stateful_step_count=40 if SOAK else 20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
