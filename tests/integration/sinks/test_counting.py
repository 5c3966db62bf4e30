"""What is counted is what is stored, whatever comes again or late, and stays when the reads are gone."""

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platestream.clock import SetClock
from schemas.codec import Codec
from schemas.messages import MatchKind, PlateRead
from sinks.clickhouse.counting import Counting, collected, count_day, hits
from sinks.clickhouse.merging import merge_one_day
from sinks.clickhouse.sink import alerts_keeper, reads_keeper
from sinks.clickhouse.store import Store
from sinks.clickhouse.upkeep import Upkeep
from sinks.holds.investigations import Withheld
from sinks.retention.tables import DayTable
from tests.integration.sinks.conftest import SECONDS, wait_until
from tests.retaining import Retained
from tests.storing import NOW, a_read, an_alert, insert_reads, messages_of

DAY = timedelta(days=1)
MIDNIGHT = NOW.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = MIDNIGHT - DAY


def keep(store: Store, codec: Codec, *reads: PlateRead, suppressed: frozenset[bytes] = frozenset()) -> None:
    keeper = reads_keeper(store, codec, SetClock(NOW), 60, lambda: Withheld(suppressed))
    piece, refused = keeper.sort(messages_of(codec, *reads))
    assert refused == []
    keeper.keep([piece])


def keep_alerts(store: Store, codec: Codec, *alerts: object) -> None:
    keeper = alerts_keeper(store, codec, SetClock(NOW), 60)
    piece, _ = keeper.sort(messages_of(codec, *alerts))
    keeper.keep([piece])


def counts(store: Store) -> dict[tuple[datetime, str], int]:
    found = collected(store.client(), NOW - 90 * DAY, NOW + DAY)
    return {(count.hour, count.device_id): count.reads for count in found}


@pytest.mark.rule("records.collection")
def test_reads_are_counted_by_reader_and_hour_and_repeats_once(store: Store, codec: Codec) -> None:
    reads = [
        a_read(n, collected_at=YESTERDAY + timedelta(minutes=20 * n), device_id=f"gate-{n % 2}") for n in range(12)
    ]
    for _ in range(2):
        keep(store, codec, *reads)
        count_day(store.client(), YESTERDAY.date())
    expected = Counter((read.collected_at.replace(minute=0), read.device_id) for read in reads)
    assert counts(store) == expected
    assert sum(counts(store).values()) == 12


@pytest.mark.rule("log.public")
def test_what_was_counted_is_the_same_when_the_reads_are_gone(store: Store, codec: Codec) -> None:
    client = store.client()
    keep(store, codec, *[a_read(n, collected_at=YESTERDAY + timedelta(minutes=7 * n)) for n in range(100)])
    keep_alerts(store, codec, an_alert(1, collected_at=YESTERDAY), an_alert(2, collected_at=YESTERDAY, sighting=2))
    count_day(client, YESTERDAY.date())
    before = counts(store), hits(client, YESTERDAY, NOW)
    stored = client.query("SELECT uniqExact(read_id) FROM reads").result_rows[0][0]
    for table in ("reads", "alerts"):
        client.command(f"ALTER TABLE {table} DROP PARTITION '{YESTERDAY.date()}'")
    count_day(client, YESTERDAY.date())
    client.command("OPTIMIZE TABLE collection_counts FINAL")
    assert (counts(store), hits(client, YESTERDAY, NOW)) == before
    assert sum(before[0].values()) == stored == 100


@pytest.mark.rule("records.collection")
def test_a_day_is_counted_before_it_is_destroyed(store: Store, codec: Codec) -> None:
    keep(store, codec, *[a_read(n, collected_at=YESTERDAY) for n in range(5)])
    place = DayTable(store=store, table="reads", identity="read_id")
    place.mark(MIDNIGHT)
    place.destroy(MIDNIGHT)
    assert place.due(MIDNIGHT) == 0
    assert counts(store) == {(YESTERDAY, "gate-1"): 5}


@pytest.mark.rule("log.public")
def test_hits_are_counted_by_kind_and_database_and_later_sightings_are_none(store: Store, codec: Codec) -> None:
    at = YESTERDAY + timedelta(hours=3)
    alerts = [an_alert(n, collected_at=at) for n in range(3)]
    alerts += [an_alert(0, collected_at=at + timedelta(minutes=1), sighting=2)]
    alerts += [an_alert(9, collected_at=at, match_kind=MatchKind.FUZZY, source="amber", category="AMBER")]
    for _ in range(2):
        keep_alerts(store, codec, *alerts)
    count_day(store.client(), YESTERDAY.date())
    found = [(hit.match_kind, hit.category, hit.source, hit.hits) for hit in hits(store.client(), at, NOW)]
    assert found == [("FOLDED", "STOLEN_VEHICLE", "stolen", 3), ("FUZZY", "AMBER", "amber", 1)]


@pytest.mark.rule("retention.suppressed")
def test_counts_do_not_show_that_a_plate_is_suppressed(store: Store, codec: Codec) -> None:
    reads = [a_read(n, plate=plate, collected_at=YESTERDAY) for n, plate in enumerate(["SUPP1", "SUPPI", "ABC123"])]
    keep(store, codec, reads[0])
    count_day(store.client(), YESTERDAY.date())
    before = counts(store)
    keep(store, codec, *reads, suppressed=frozenset({b"SUPP1"}))
    count_day(store.client(), YESTERDAY.date())
    assert before == {(YESTERDAY, "gate-1"): 1}
    assert counts(store) == {(YESTERDAY, "gate-1"): 3}


@pytest.mark.rule("log.public", "records.collection")
def test_the_public_counts_are_what_was_stored_and_the_same_after_a_sweep(
    store: Store, codec: Codec, tmp_path: Path
) -> None:
    retained, client = Retained(store, codec, tmp_path / "home"), store.client()
    reads = [a_read(n, plate=f"P{n % 9}", collected_at=YESTERDAY + timedelta(minutes=33 * n)) for n in range(40)]
    for _ in range(2):
        keep(store, codec, *reads)
    keep_alerts(store, codec, *[an_alert(n, collected_at=reads[n].collected_at) for n in range(7)])
    retained.suppressed.folded = {b"P3"}
    retained.follow()
    Counting().count_changed(client, YESTERDAY.date())
    before = counts(store), hits(client, YESTERDAY, NOW)
    stored = retained.ask("SELECT uniqExact(read_id) FROM reads")[0][0]
    blanked = retained.ask("SELECT uniqExact(read_id) FROM blanked_reads")[0][0]
    assert sum(before[0].values()) == stored + blanked == len(reads)
    assert sum(hit.hits for hit in before[1]) == retained.ask("SELECT uniqExact(alert_id) FROM alerts")[0][0] == 7
    retained.advance(61)
    retained.sweeper().sweep()
    assert retained.stored() == set()
    assert (counts(store), hits(client, YESTERDAY, NOW)) == before


def test_only_changed_days_are_counted_again(store: Store, codec: Codec) -> None:
    counting, first = Counting(), (NOW - 59 * DAY).date()
    keep(store, codec, a_read(1, collected_at=YESTERDAY), a_read(2, collected_at=YESTERDAY - DAY))
    days = [(YESTERDAY - DAY).date(), YESTERDAY.date()]
    assert counting.count_changed(store.client(), first) == days
    wait_until(lambda: counting.count_changed(store.client(), first) == [], "the second in which they changed to pass")
    assert Counting().count_changed(store.client(), days[1]) == days[1:]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])  # emptied in the test
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 30)), min_size=1, max_size=8), max_size=6),
    suppressed=st.sets(st.integers(0, 15)),
)
def test_any_order_of_arrivals_counts_each_read_once(
    batches: list[list[tuple[int, int]]], suppressed: set[int], store: Store, codec: Codec
) -> None:
    for table in ("reads", "blanked_reads", "collection_counts"):
        store.client().command(f"TRUNCATE TABLE {table}")
    seen: dict[int, PlateRead] = {}
    for batch in batches:
        for event, minutes in batch:  # a resend of an event has the time it had at first
            fresh = a_read(event, plate=f"P{event}", collected_at=YESTERDAY + timedelta(minutes=minutes * 45 % 1440))
            seen.setdefault(event, fresh)
        taboo = frozenset(f"P{event}".replace("O", "0").replace("I", "1").encode() for event in suppressed)
        keep(store, codec, *[seen[event] for event, _ in batch], suppressed=taboo)
        count_day(store.client(), YESTERDAY.date())
    assert counts(store) == Counter((read.collected_at.replace(minute=0), "gate-1") for read in seen.values())


def test_a_day_that_is_over_becomes_one_part_and_doubles_go(store: Store, codec: Codec) -> None:
    client = store.client()
    for at in (YESTERDAY, YESTERDAY - DAY, MIDNIGHT):
        for number in range(3):
            insert_reads(store, codec, *[a_read(number, collected_at=at)] * 2)
    later = datetime.now(UTC) + timedelta(minutes=11)
    if later.date() != NOW.date():
        pytest.skip("midnight is near: today would be over")
    first_day = (YESTERDAY - DAY).date()
    assert merge_one_day(client, later - timedelta(minutes=10), first_day) is None  # reads may still be coming
    assert merge_one_day(client, later, MIDNIGHT.date()) is None  # days that are due are left alone
    merged = [merge_one_day(client, later, first_day) for _ in range(3)]
    assert merged == [YESTERDAY.date(), (YESTERDAY - DAY).date(), None]
    found = client.query(
        "SELECT partition, count(), sum(rows) FROM system.parts "
        "WHERE active AND table = 'reads' GROUP BY partition ORDER BY partition"
    ).result_rows
    assert found[:2] == [((YESTERDAY - DAY).date().isoformat(), 1, 3), (YESTERDAY.date().isoformat(), 1, 3)]
    assert found[2][1] > 1


def test_upkeep_counts_and_merges_while_reads_come_in(store: Store, codec: Codec) -> None:
    later = datetime.now(UTC) + timedelta(minutes=11)
    upkeep, stop, turns = Upkeep(store, SetClock(later), 60, pause_seconds=0.05), threading.Event(), itertools.count()
    thread = threading.Thread(target=upkeep.run, args=(stop, lambda: next(turns)))
    thread.start()
    try:
        for number in range(5):
            keep(store, codec, a_read(number, collected_at=YESTERDAY), a_read(number, collected_at=MIDNIGHT))
        wait_until(lambda: counts(store).get((YESTERDAY, "gate-1")) == 5, "the counts of a day")
        wait_until(lambda: parts_of(store, YESTERDAY) == 1, "the merge of a day")
    finally:
        stop.set()
        thread.join(SECONDS)
    assert next(turns) > 0


def parts_of(store: Store, day: datetime) -> int:
    asked = "SELECT count() FROM system.parts WHERE active AND table = 'reads' AND partition = {day:String}"
    return int(store.client().query(asked, parameters={"day": day.date().isoformat()}).result_rows[0][0])
