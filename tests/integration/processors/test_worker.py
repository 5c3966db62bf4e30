"""One worker at work on the real broker: what it raises, what it buries, how soon the list is in force."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from platestream.settings import KafkaSettings
from schemas.framing import frame
from schemas.messages import Alert, AlertStatus, LawfulSource, MatchKind
from schemas.plates import alert_id, fold
from tests.matching_worker import Matching, matching, until


@pytest.fixture(scope="module")
def at_work(kafka: KafkaSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matching]:
    with matching(kafka, tmp_path_factory.mktemp("matching")) as started:
        started.start()
        yield started
        assert started.workers[0].end(signal.SIGTERM) == 0


@pytest.mark.rule("alert.on-match", "alert.not-probable-cause")
def test_a_listed_plate_raises_an_alert_under_its_id_in_the_partition_of_its_read(at_work: Matching) -> None:
    at_work.list_("OAB101", "by-look")
    at_work.list_("OAB101", "by-letter", match_kind=MatchKind.EXACT)
    at_work.flush()
    reads = [at_work.read(plate, f"a{number}") for number, plate in enumerate(["0ABIO1", "OAB101", "ZZZ999"])]
    at_work.send(b"a wrong key", at_work.codec.encode(reads[1]))
    at_work.flush()
    alerts = at_work.follow(at_work.topics.alerts)
    until("five messages", lambda: len(alerts()) >= 5)
    found = [(alert.alert_id, alert.sighting, message.key(), alert.match_kind) for alert, message in alerts()]
    in_order, under_a_wrong_key = (
        [
            (alert_id(first.read_id, entry), sighting, entry.encode(), MatchKind(kind))
            for first, entry, sighting, kind in messages
        ]
        for messages in (
            [
                (reads[0], "by-look", 1, "FOLDED"),
                (reads[0], "by-look", 2, "EXACT"),
                (reads[1], "by-letter", 1, "EXACT"),
            ],
            [(reads[1], "by-look", 1, "EXACT"), (reads[1], "by-letter", 1, "EXACT")],
        )
    )
    assert sorted(found) == sorted(in_order + under_a_wrong_key)
    assert {alert.status for alert, _ in alerts()} == {AlertStatus.UNVERIFIED}
    sources = at_work.follow(at_work.topics.reads)
    until("the reads", lambda: len(sources()) == 4)
    places = {(read.read_id, message.partition()) for read, message in sources()}
    assert {(alert.read_id, message.partition()) for alert, message in alerts()} <= places


@pytest.mark.rule("match.lawful")
def test_an_unlawful_entry_put_straight_onto_the_topic_never_alerts(at_work: Matching) -> None:
    at_work.list_("BAD200", "unlawful", lawful_source=LawfulSource.UNSTATED)
    at_work.list_("BAD200", "no-case", lawful_source=LawfulSource.ACTIVE_INVESTIGATION, case_number=None)
    at_work.list_("BAD200", "lawful")
    at_work.flush()
    until("three entries", lambda: at_work.workers[0].metric("platestream_processor_hotlist_entries") >= 3)
    at_work.read("BAD200", "b1")
    at_work.flush()
    alerts = at_work.follow(at_work.topics.alerts)
    until("the lawful alert", lambda: "lawful" in [alert.entry_id for alert, _ in alerts()])
    assert not {"unlawful", "no-case"} & {alert.entry_id for alert, _ in alerts()}
    refused = at_work.workers[0].metric("platestream_processor_not_alerted_total", reason="not-lawful")
    assert refused == 2


def test_what_is_no_read_becomes_a_dead_letter_and_the_worker_goes_on(at_work: Matching) -> None:
    wire_id = at_work.codec.wire_id("PlateRead")
    at_work.list_("CCC300", "poisoned")
    at_work.flush()
    cut = at_work.codec.encode(at_work.read("CCC300", "c0"))[:-1]
    poison = {
        b"{}": "not-framed",
        None: "not-framed",
        frame(999_999, b"x"): "unknown-schema",
        at_work.codec.encode(at_work.list_("DDD400")): "wrong-record",
        frame(wire_id, b"\xd8\x04" + b"A" * 300): "plate-unusable",
        cut: "bad-avro",
        frame(wire_id, b"\x00" + b"x" * 900_000): "plate-missing",
    }
    for value in poison:
        at_work.send(b"poison", value)
    after = at_work.read("CCC300", "c1")
    at_work.flush()
    letters, alerts = at_work.follow(at_work.topics.dead_letters), at_work.follow(at_work.topics.alerts)
    until("dead letters", lambda: len(letters()) == len(poison))
    until("an alert after them", lambda: after.read_id in [alert.read_id for alert, _ in alerts()])
    kept = {value and value[: 64 * 1024]: reason for value, reason in poison.items()}
    assert {letter.value: letter.reason for letter, _ in letters()} == kept
    for letter, _ in letters():
        assert (letter.topic, letter.key) == (at_work.topics.reads, b"poison")
    counted = at_work.workers[0].metric("platestream_dead_letters_total", stage="matching")
    assert counted == len(letters())


@pytest.mark.parametrize("plate", ["EEE501", "EEE502", "EEE503"])
def test_updates_and_removals_are_in_force_within_a_second(at_work: Matching, plate: str) -> None:
    at_work.list_("FFF600", "marker")
    at_work.read("ZZZ999", f"before-{plate}")
    at_work.flush()
    until("the worker reads", lambda: at_work.workers[0].metric("platestream_processor_reads_total") > 0)
    at_work.list_(plate)
    at_work.flush()
    listed_at = datetime.now(UTC)
    attempts, alerts = count(), at_work.follow(at_work.topics.alerts)

    def alerts_of_update() -> list[Alert]:
        at_work.read(plate, f"listed-{plate}-{next(attempts)}")
        at_work.flush()
        return [alert for alert, _ in alerts() if alert.plate == plate]

    first = min(alert.raised_at for alert in until("an alert by the update", alerts_of_update))
    assert first - listed_at < timedelta(seconds=1)
    at_work.unlist(plate)
    at_work.flush()
    changed = time.monotonic()
    until("a second has passed", lambda: time.monotonic() - changed > 1.0)
    removed = at_work.read(plate, f"removed-{plate}", key=b"same partition")
    marker = at_work.read("FFF600", f"marker-{plate}", key=b"same partition")
    at_work.flush()
    until("the alert of the next read", lambda: marker.read_id in {alert.read_id for alert, _ in alerts()})
    assert removed.read_id not in {alert.read_id for alert, _ in alerts()}


def test_metrics_tell_what_was_done(at_work: Matching) -> None:
    at_work.list_("GGG700", "counted")
    at_work.read("GGG700", "g1")
    at_work.flush()
    worker, alerts = at_work.workers[0], at_work.follow(at_work.topics.alerts)
    counted = ("platestream_processor_alerts_total", "platestream_processor_sightings_total")
    until("the counters agree", lambda: len(alerts()) == sum(map(worker.metric, counted)) > 0)
    for name in ("reads_total", "hits_total", "hotlist_entries", "read_to_alert_seconds_count"):
        assert worker.metric(f"platestream_processor_{name}") > 0
    assert httpx.get(f"http://127.0.0.1:{worker.spec['probe_port']}/livez").status_code == 200


def test_fuzzy_and_partial_entries_are_in_force_and_gone_as_the_topic_says(at_work: Matching) -> None:
    at_work.list_("5SOW750", "fuzzy", match_kind=MatchKind.FUZZY)
    at_work.list_("5S?W7*", "partial", match_kind=MatchKind.PARTIAL, category="HOMICIDE")
    at_work.list_("5SOW35?", "too wide", match_kind=MatchKind.PARTIAL, category="STOLEN_VEHICLE")
    at_work.flush()
    alerts = at_work.follow(at_work.topics.alerts)
    numbers = count()

    def alerted(plate: str) -> set[tuple[str, str, tuple[int, ...]]]:
        read = at_work.read(plate, f"w{next(numbers)}")
        marker = at_work.read("MARK500", f"m{next(numbers)}", key=fold(plate).encode())
        at_work.flush()
        until("the marker", lambda: marker.read_id in [alert.read_id for alert, _ in alerts()])
        found = [alert for alert, _ in alerts() if alert.read_id == read.read_id]
        return {(alert.entry_id, alert.match_kind, alert.differing_positions) for alert in found}

    at_work.list_("MARK500")
    at_work.flush()
    until("both kinds", lambda: len(alerted("5SOW750")) == 2)
    assert alerted("5S0W750") == {("fuzzy", "FOLDED", (2,)), ("partial", "PARTIAL", (2, 5))}
    assert alerted("5SOW350") == {("fuzzy", "FUZZY", (4,))}
    at_work.unlist("5SOW750", "fuzzy")
    at_work.flush()
    until("it to be gone", lambda: not alerted("5SOW350"))


@pytest.mark.rule("retention.suppressed")
def test_a_plate_that_is_suppressed_never_alerts_from_then_on(at_work: Matching) -> None:
    for plate in ("HID600", "HID601"):
        at_work.list_(plate)
    at_work.flush()
    alerts = at_work.follow(at_work.topics.alerts)
    numbers = count()

    def is_alerted(plate: str) -> bool:
        reads = [at_work.read(plate_, f"s{next(numbers)}", key=b"one partition") for plate_ in (plate, "HID601")]
        at_work.flush()
        until("the other plate", lambda: reads[1].read_id in [alert.read_id for alert, _ in alerts()])
        return reads[0].read_id in [alert.read_id for alert, _ in alerts()]

    until("an alert", lambda: is_alerted("HID600"))
    at_work.suppress("HID600")
    until("no alert", lambda: not is_alerted("HID600"))
    assert not any(is_alerted("HID600") for _ in range(5))
