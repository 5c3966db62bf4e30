"""Alerts, outcomes and the ledger from the real broker into the real engine: each once, the ledger byte for byte."""

from datetime import timedelta

import pytest

from platestream.errors import IntegrityError
from schemas.messages import AlertOutcome, Outcome
from sinks.clickhouse.ledger import ledger_events
from sinks.clickhouse.store import Store
from sinks.holds.investigations import Withheld
from tests.integration.sinks.conftest import Bench, wait_until
from tests.storing import NOW, a_read, an_alert

DAY = timedelta(days=1)


def rows(store: Store, table: str) -> int:
    return int(store.client().query(f"SELECT count() FROM {table} FINAL").result_rows[0][0])


def test_an_alert_is_kept_as_it_was_raised(bench: Bench, store: Store) -> None:
    alert = an_alert(plate="OI1O0")
    bench.produce([bench.codec.encode(alert)])
    bench.keep_all(bench.alert_sink(store), 1)
    [stored] = store.client().query("SELECT * FROM alerts").named_results()
    assert stored["folded_plate"] == "01100"
    for name, value in vars(alert).items():
        if name not in {"candidates", "pictures"}:
            assert stored[name] == (list(value) if isinstance(value, tuple) else value), name
    assert [candidate["plate"] for candidate in stored["candidates"]] == ["A8C123"]
    assert [picture["sha256"] for picture in stored["pictures"]] == [picture.sha256 for picture in alert.pictures]
    assert stored["classification"] == "private"


@pytest.mark.rule("retention.sixty-days")
def test_alerts_are_kept_once_and_not_beyond_their_days(bench: Bench, store: Store) -> None:
    alerts = [an_alert(event) for event in range(20)]
    alerts += [an_alert(30, collected_at=NOW - 60 * DAY), an_alert(31, plate="SUPP1")]
    bench.withheld = Withheld(frozenset({b"SUPP1"}))
    for repeat in (1, 2):
        bench.produce([bench.codec.encode(alert) for alert in alerts])
        bench.keep_all(bench.alert_sink(store), repeat * len(alerts))
    assert rows(store, "alerts") == 20
    assert bench.dead_letters() == []


def test_a_corrupt_alert_is_a_dead_letter(bench: Bench, store: Store) -> None:
    good = bench.codec.encode(an_alert())
    bench.produce([good[:80], bench.codec.encode(a_read()), good], partition=0)
    bench.keep_all(bench.alert_sink(store), 3)
    assert rows(store, "alerts") == 1
    assert sorted(letter.reason for letter in bench.dead_letters()) == ["bad-avro", "unknown-schema"]


def test_of_several_outcomes_the_last_one_counts_whatever_is_sent_again(bench: Bench, store: Store) -> None:
    alert_id = an_alert().alert_id
    found = AlertOutcome(alert_id=alert_id, outcome=Outcome.RECORD_CURRENT, verified_by="p-7", verified_at=NOW)
    reported = AlertOutcome(**{**vars(found), "report_number": "26-1234"})
    bench.produce([bench.codec.encode(found), bench.codec.encode(reported)], partition=0)
    bench.keep_all(bench.outcome_sink(store), 2)
    bench.commit(0, 0)
    bench.keep_all(bench.outcome_sink(store), 2)
    [stored] = store.client().query("SELECT * FROM alert_outcomes FINAL").named_results()
    assert {name: stored[name] for name in vars(reported)} == vars(reported)


EVENTS: list[tuple[bytes | None, bytes | None]] = [
    (b"person-1", b"\x00\x01\xff\xfe not text \x00"),
    (b"", b""),
    (None, b"x"),
    (b"\xff\xfe", b"y" * 5000),
]


def test_the_ledgers_copy_is_the_topic_byte_for_byte(bench: Bench, store: Store) -> None:
    bench.produce_pairs(EVENTS, partition=0)
    bench.keep_all(bench.ledger_sink(store), 4)
    bench.commit(0, 1)
    bench.produce_pairs(EVENTS[:1], partition=0)
    bench.keep_all(bench.ledger_sink(store), 5)
    expected = [(offset, key, value) for offset, (key, value) in enumerate([*EVENTS, EVENTS[0]])]
    assert ledger_events(store.client(), 0, 100) == expected
    assert ledger_events(store.client(), 1, 2) == expected[1:3]
    assert rows(store, "ledger") == 5


def test_a_ledger_that_was_made_anew_does_not_overwrite_its_copy(bench: Bench, store: Store) -> None:
    store.client().insert("ledger", [[0, b"person-1", b"as it was"]], column_names=["offset", "key", "value"])
    bench.produce_pairs([(b"person-1", b"as someone wants it")], partition=0)
    with bench.running(bench.ledger_sink(store)) as errors:
        wait_until(lambda: errors, "the end of the sink")
    assert isinstance(errors[0], IntegrityError)
    assert "Offset 0 of the ledger is not what its copy" in str(errors[0])
    assert ledger_events(store.client(), 0, 10) == [(0, b"person-1", b"as it was")]
    assert bench.committed() == 0


@pytest.mark.rule("retention.suppressed")
def test_of_a_suppressed_plate_nothing_but_a_count_is_stored(bench: Bench, store: Store) -> None:
    bench.withheld = Withheld(frozenset({b"SUPP1"}))
    values = [
        bench.codec.encode(a_read(event, plate=plate)) for event, plate in enumerate(["SUPPI", "SUPP1", "ABC123"])
    ]
    for repeat in (1, 2):
        bench.produce(values)
        bench.keep_all(bench.read_sink(store), 3 * repeat)
    assert store.client().query("SELECT DISTINCT plate FROM reads").result_rows == [("ABC123",)]
    assert store.client().query("SELECT uniqExact(read_id), any(device_id) FROM blanked_reads").result_rows == [
        (2, "gate-1")
    ]
    assert bench.dead_letters() == []
    assert store.folder
    files = [file.read_bytes() for file in store.folder.parent.rglob("*") if file.is_file()]
    assert not [file for file in files if b"SUPP1" in file or b"SUPPI" in file]
