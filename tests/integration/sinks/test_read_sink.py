"""Reads from the real broker into the real engine: each once, late ones not, bad ones aside, none lost."""

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from platestream.errors import ConfigError, IntegrityError, TransientError
from platestream.metrics import DEAD_LETTERS, READS_OVERDUE
from schemas.framing import frame
from sinks.clickhouse.reads import StoredRead, count_reads, find_reads
from sinks.clickhouse.store import Store
from sinks.topic_sink import TopicSink
from tests.integration.sinks.conftest import Bench, wait_until
from tests.storing import NOW, a_picture, a_read, of_plate

DAY = timedelta(days=1)


def found(store: Store, plate: str = "ABC123", limit: int = 10_000) -> list[StoredRead]:
    return find_reads(store.client(), of_plate(plate, NOW - 70 * DAY, NOW + DAY, limit))


def rows(store: Store) -> int:
    return int(store.client().query("SELECT count() FROM reads").result_rows[0][0])


def test_a_read_is_found_as_it_was_sent(bench: Bench, store: Store) -> None:
    read = a_read(plate="OI1O0")
    bench.produce([bench.codec.encode(read)])
    bench.keep_all(bench.read_sink(store), 1)
    [stored] = found(store, "OI1O0")
    assert stored.plate == "OI1O0"
    for name in ("collected_at", "read_id", "state", "device_id", "received_at", "latitude", "longitude", "confidence"):
        assert getattr(stored, name) == getattr(read, name)
    assert [(c.plate, c.confidence) for c in stored.candidates] == [(c.plate, c.confidence) for c in read.candidates]
    assert [(p.sha256, p.kind) for p in stored.pictures] == [(p.sha256, p.kind.value) for p in read.pictures]
    assert stored.collected_at.tzinfo is not None
    assert "OI1O0" not in repr(stored)


def test_what_a_reader_did_not_say_is_none(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(state=None, confidence=None, candidates=(), pictures=()))])
    bench.keep_all(bench.read_sink(store), 1)
    [stored] = found(store)
    assert (stored.state, stored.confidence, stored.candidates, stored.pictures) == (None, None, (), ())


@pytest.mark.rule("classification.private")
def test_a_stored_read_is_private(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read())])
    bench.keep_all(bench.read_sink(store), 1)
    assert [stored.classification for stored in found(store)] == ["private"]


def test_look_alike_plates_are_found_together(bench: Bench, store: Store) -> None:
    plates = ["OI0", "010", "0I0", "OIO", "OII"]
    bench.produce([bench.codec.encode(a_read(number, plate=plate)) for number, plate in enumerate(plates)])
    bench.keep_all(bench.read_sink(store), len(plates))
    assert {stored.plate for stored in found(store, "oi-0")} == {"OI0", "010", "0I0", "OIO"}


def test_a_search_has_a_span_an_order_and_a_limit(bench: Bench, store: Store) -> None:
    times = [NOW - timedelta(hours=hours) for hours in (1, 2, 3, 4)]
    bench.produce([bench.codec.encode(a_read(number, collected_at=at)) for number, at in enumerate(times)])
    bench.keep_all(bench.read_sink(store), len(times))
    between = find_reads(store.client(), of_plate("ABC123", times[2], times[0]))
    assert [stored.collected_at for stored in between] == [times[1], times[2]]
    assert [stored.collected_at for stored in found(store, limit=3)] == times[:3]


def test_a_read_that_comes_again_is_the_same_read(bench: Bench, store: Store) -> None:
    values = [bench.codec.encode(a_read(number)) for number in range(100)]
    for repeat in (1, 2):
        bench.produce(values)
        bench.keep_all(bench.read_sink(store), 100 * repeat)
    assert rows(store) == 200
    assert len(found(store)) == count_reads(store.client()) == 100
    store.client().command("OPTIMIZE TABLE reads FINAL")
    assert rows(store) == len(found(store)) == 100


def test_a_batch_replayed_after_a_crash_before_the_commit_changes_nothing(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(500)], partition=0)
    bench.keep_all(bench.read_sink(store), 500)
    bench.commit(0, 100)
    bench.keep_all(bench.read_sink(store), 500)
    assert len(found(store)) == count_reads(store.client()) == 500


@pytest.mark.rule("retention.sixty-days")
def test_a_read_whose_day_is_due_is_counted_and_never_stored(bench: Bench, store: Store) -> None:
    tomorrow = NOW.date() + DAY  # ClickHouse has a clock of its own, and it must find none due
    midnight = datetime.combine(tomorrow, time(tzinfo=UTC))
    bench.clock.at = midnight + timedelta(hours=13)
    due = midnight - 59 * DAY - timedelta(milliseconds=1)
    times = [due, due + timedelta(milliseconds=1), due - 400 * DAY, midnight]
    overdue = READS_OVERDUE._value.get()
    bench.produce([bench.codec.encode(a_read(number, collected_at=at)) for number, at in enumerate(times)])
    bench.keep_all(bench.read_sink(store), len(times))
    assert {stored.collected_at for stored in found(store)} == {times[1], times[3]}
    assert rows(store) == 2
    assert READS_OVERDUE._value.get() == overdue + 2
    assert bench.dead_letters() == []


@pytest.mark.rule("retention.sixty-days")
def test_a_dead_letter_that_would_outlive_its_read_says_only_where_it_was(bench: Bench, store: Store) -> None:
    late, fresh = (bench.codec.encode(a_read(n, collected_at=NOW - timedelta(days=55 * n)))[:-3] for n in (1, 0))
    bench.produce([late, fresh], partition=0)
    bench.keep_all(bench.read_sink(store), 2)
    assert {letter.offset: letter.value for letter in bench.dead_letters()} == {0: None, 1: fresh}


def test_one_corrupt_read_among_a_thousand_is_a_dead_letter_and_the_others_are_stored(
    bench: Bench, store: Store
) -> None:
    values = [bench.codec.encode(a_read(number)) for number in range(1000)]
    values[500] = values[500][:70]
    bench.produce(values, partition=0)
    bench.keep_all(bench.read_sink(store), 1000)
    assert len(found(store)) == count_reads(store.client()) == 999
    [letter] = bench.dead_letters()
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("bad-avro", bench.topic, 0, 500)
    assert (letter.key, letter.value, letter.at) == (b"500", values[500], NOW)


def test_whatever_is_on_the_topic_nothing_stalls(bench: Bench, store: Store) -> None:
    good = bench.codec.encode(a_read())
    ahead = bench.codec.encode(a_read(2, collected_at=NOW + 3 * DAY))
    bad: dict[bytes | None, str] = {
        None: "not-framed",
        b"{}": "not-framed",
        frame(999_999, good[5:]): "unknown-schema",
        bench.codec.encode(a_picture()): "unknown-schema",
        good.replace(b"\x0cABC123", b"\x00", 1): "plate-unusable",
        good.replace(b"\x0cABC123", b"\xd8\x04" + b"A" * 300, 1): "plate-unusable",
        good[:9]: "cut-short",
        good + b"\x00": "bad-avro",
        ahead: "collected-ahead",
    }
    counted = {reason: DEAD_LETTERS.labels(stage="sink", reason=reason)._value.get() for reason in bad.values()}
    for value in bad:  # each alone at the end of a batch, then all at once
        bench.produce([value], partition=1)
    bench.produce([*bad, good], partition=0)
    bench.keep_all(bench.read_sink(store), 2 * len(bad) + 1)
    assert len(found(store)) == rows(store) == 1
    assert sorted(letter.reason for letter in bench.dead_letters()) == sorted(2 * list(bad.values()))
    assert {letter.value: letter.reason for letter in bench.dead_letters()} == bad
    for reason, before in counted.items():
        assert DEAD_LETTERS.labels(stage="sink", reason=reason)._value.get() > before


def test_random_corruption_of_one_read_never_touches_another(bench: Bench, store: Store) -> None:
    chance = random.Random(20260504)
    values = [bench.codec.encode(a_read(number)) for number in range(200)]
    corrupt = chance.sample(range(200), 20)
    for number in corrupt:
        value, at = values[number], chance.randrange(12, len(values[number]))
        values[number] = chance.choice([value[:at], value[:at] + b"\x01" + value[at:], value[:at] + value[at + 1 :]])
    overdue = READS_OVERDUE._value.get()
    bench.batch = 10
    bench.produce(values, partition=0)
    bench.keep_all(bench.read_sink(store), 200)
    sound = {a_read(number).read_id for number in range(200) if number not in corrupt}
    assert sound <= {stored.read_id for stored in found(store)}
    overdue = int(READS_OVERDUE._value.get() - overdue)  # a time that lost its first bytes
    assert len(bench.dead_letters()) + overdue + count_reads(store.client()) == 200


def test_a_read_id_in_another_spelling_is_stored_with_the_rest(bench: Bench, store: Store) -> None:
    read = a_read(7)
    loose = bench.codec.encode(read).replace(b"\x48" + str(read.read_id).encode(), b"\x40" + read.read_id.hex.encode())
    bench.produce([bench.codec.encode(a_read(1)), loose, bench.codec.encode(a_read(2))], partition=0)
    bench.keep_all(bench.read_sink(store), 3)
    assert {stored.read_id for stored in found(store)} == {a_read(event).read_id for event in (1, 7, 2)}
    assert bench.dead_letters() == []


def test_a_gap_between_what_was_committed_and_the_log_ends_the_process(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(10)], partition=0)
    bench.commit(0, 3)
    bench.delete_records(0, before=5)
    with bench.running(bench.read_sink(store)) as errors:
        wait_until(lambda: errors, "the end of the sink")
    assert isinstance(errors[0], IntegrityError)
    assert f"{bench.topic}[0] no longer holds what comes next" in str(errors[0])
    assert rows(store) == 0


def test_reads_deleted_while_nothing_was_read_yet_are_a_gap_too(bench: Bench, store: Store) -> None:
    with bench.running(bench.read_sink(store)) as errors:
        wait_until(bench.has_started, "the commit of a first start")
    assert not errors
    bench.produce([bench.codec.encode(a_read(number)) for number in range(10)], partition=0)
    bench.delete_records(0, before=5)
    with bench.running(bench.read_sink(store)) as errors:
        wait_until(lambda: errors, "the end of the sink")
    assert isinstance(errors[0], IntegrityError)


def test_a_first_start_takes_what_the_log_holds(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(10)], partition=0)
    bench.delete_records(0, before=4)
    bench.keep_all(bench.read_sink(store), 10)
    assert len(found(store)) == 6


def test_a_missing_topic_is_a_sentence(bench: Bench, store: Store) -> None:
    bench.topic = "not-there"
    with pytest.raises(ConfigError, match="Topic not-there is missing"):
        bench.read_sink(store)


class _Failing:
    """A store that refuses the first inserts, as one whose disk is full for a while."""

    def __init__(self, store: Store, failures: int) -> None:
        self._store = store
        self.left = failures

    def insert_avro(self, *arguments: Any) -> None:
        if self.left > 0:
            self.left -= 1
            raise DatabaseError("refused", code=243)
        self._store.insert_avro(*arguments)


def failing_sink(bench: Bench, store: Store, failures: int) -> tuple[_Failing, TopicSink[Any]]:
    failing = _Failing(store, failures)
    return failing, bench.read_sink(failing)  # type: ignore[arg-type]


def test_while_clickhouse_is_away_the_batch_is_tried_again_and_nothing_is_committed(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(50)])
    failing, sink = failing_sink(bench, store, failures=4)
    with bench.running(sink) as errors:
        wait_until(lambda: failing.left < 3, "the first attempts")
        assert bench.committed() == 0
        bench.produce([bench.codec.encode(a_read(number)) for number in range(50, 60)])
        wait_until(lambda: errors or bench.committed() == 60, "the commit of both batches")
    assert not errors
    assert len(found(store)) == 60
    assert bench.dead_letters() == []


def test_when_clickhouse_stays_away_the_process_ends_with_nothing_committed(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(50)])
    _, sink = failing_sink(bench, store, failures=1000)
    with bench.running(sink, patience_seconds=1) as errors:
        wait_until(lambda: errors, "the end of the sink")
    assert isinstance(errors[0], TransientError)
    assert "its error 243" in str(errors[0])
    assert bench.committed() == 0


def test_it_can_be_stopped_while_clickhouse_is_away(bench: Bench, store: Store) -> None:
    bench.produce([bench.codec.encode(a_read(number)) for number in range(50)])
    failing, sink = failing_sink(bench, store, failures=1000)
    with bench.running(sink) as errors:
        wait_until(lambda: failing.left < 999, "the first attempts")
    assert not errors
    assert bench.committed() == 0
    bench.keep_all(bench.read_sink(store), 50)
    assert len(found(store)) == 50
