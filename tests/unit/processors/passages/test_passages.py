"""Which reads are one passage, in the words of processors/passages/rules.py."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from processors.passages.passages import Draft, Passages
from processors.passages.rules import MOST, PassageRule, as_sighting
from schemas.messages import Alert
from tests.matching import NOW
from tests.passages import an_alert, metres_north

RULE = PassageRule(window=timedelta(seconds=120), near_metres=2_000, remembered=1_000)


def run(alerts: Iterable[Alert], rule: PassageRule = RULE) -> list[Alert]:
    """What leaves for reads that come one after the other."""
    passages, left = Passages(rule), []
    for offset, alert in enumerate(alerts):
        draft = Draft(passages)
        left += draft.place([alert], offset)
        draft.merge()
    return left


def numbers(alerts: Iterable[Alert], rule: PassageRule = RULE) -> list[tuple[int, int]]:
    """Of each that leaves: the how-manieth alert it belongs to, and its sighting."""
    left = run(alerts, rule)
    ids = list(dict.fromkeys(alert.alert_id for alert in left))
    return [(ids.index(alert.alert_id), alert.sighting) for alert in left]


@pytest.mark.rule("alert.on-match")
def test_ten_readers_that_see_a_car_within_20_seconds_are_one_alert_with_ten_sightings() -> None:
    seen = [
        an_alert(event=f"{number}", at=at, device_id=f"gate-{number}", **metres_north(150 * number))
        for number, at in enumerate([0, 4, 2, 8, 6, 19, 12, 17, 20, 1])
    ]
    left = run(seen)
    assert [alert.sighting for alert in left] == list(range(1, 11))
    assert {alert.alert_id for alert in left} == {seen[0].alert_id}
    assert [alert.read_id for alert in left] == [alert.read_id for alert in seen]
    assert left[-1].passage_started_at == NOW
    assert left[-1].last_seen_at == NOW + timedelta(seconds=20)


def test_the_first_read_raises_the_alert_under_its_own_id_at_once() -> None:
    alert = an_alert()
    (left,) = Draft(Passages(RULE)).place([alert], 7)
    assert (left.alert_id, left.sighting, left.source_offset) == (alert.alert_id, 1, 7)
    assert left.passage_started_at == left.last_seen_at == alert.collected_at
    assert left.priority == alert.priority


class TestTime:
    def test_a_read_within_the_window_of_the_latest_sighting_is_an_update(self) -> None:
        assert numbers([an_alert(event="1"), an_alert(event="2", at=120)]) == [(0, 1), (0, 2)]

    def test_a_read_after_the_window_raises_a_new_alert(self) -> None:
        assert numbers([an_alert(event="1"), an_alert(event="2", at=120.001)]) == [(0, 1), (1, 1)]

    def test_a_car_that_stays_in_view_has_one_passage(self) -> None:
        assert numbers(an_alert(event=f"{n}", at=100 * n) for n in range(20)) == [(0, n + 1) for n in range(20)]

    def test_an_out_of_order_read_finds_its_passage(self) -> None:
        reads = [(0, "1"), (100, "2"), (200, "3"), (50, "4"), (-120, "5"), (-240.001, "6")]
        found = numbers(an_alert(event=event, at=at) for at, event in reads)
        assert found == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1)]

    def test_reads_that_were_stored_for_hours_do_not_break_a_passage_of_now(self) -> None:
        reads = [(0, "1"), (-9000, "2"), (5, "3"), (-8995, "4"), (10, "5")]
        found = numbers(an_alert(event=event, at=at) for at, event in reads)
        assert found == [(0, 1), (1, 1), (0, 2), (1, 2), (0, 3)]


class TestPlace:
    @pytest.mark.parametrize(("metres", "expected"), [(1_999, (0, 2)), (2_001, (1, 1))])
    def test_another_reader_counts_when_it_is_near(self, metres: float, expected: tuple[int, int]) -> None:
        other = an_alert(event="2", device_id="gate-2", **metres_north(metres))
        assert numbers([an_alert(event="1"), other]) == [(0, 1), expected]

    def test_the_same_reader_counts_wherever_it_is(self) -> None:
        assert numbers([an_alert(event="1"), an_alert(event="2", **metres_north(30_000))]) == [(0, 1), (0, 2)]

    def test_near_is_measured_from_the_sighting_that_came_in_last(self) -> None:
        drive = [an_alert(event=f"{n}", at=60 * n, device_id=f"gate-{n}", **metres_north(1_500 * n)) for n in range(5)]
        assert numbers(drive) == [(0, n + 1) for n in range(5)]

    def test_the_same_plate_far_away_is_a_passage_of_its_own_beside_the_first(self) -> None:
        far = {"device_id": "gate-2", **metres_north(50_000)}
        seen = [an_alert(event="1"), an_alert(event="2", **far), an_alert(event="3"), an_alert(event="4", **far)]
        assert numbers(seen) == [(0, 1), (1, 1), (0, 2), (1, 2)]

    def test_of_several_passages_the_one_that_was_added_to_last_counts(self) -> None:
        there, between = metres_north(3_000), metres_north(1_500)
        seen = [
            an_alert(event="1"),
            an_alert(event="2", device_id="gate-2", **there),
            an_alert(event="3"),
            an_alert(event="4", device_id="gate-3", **between),
        ]
        assert numbers(seen) == [(0, 1), (1, 1), (0, 2), (0, 3)]


class TestCar:
    def test_reads_that_fold_to_the_same_plate_are_one_car(self) -> None:
        assert numbers([an_alert("OAB101", event="1"), an_alert("0ABIO1", event="2")]) == [(0, 1), (0, 2)]

    def test_cars_that_one_partial_entry_hits_are_told_apart(self) -> None:
        seen = [an_alert("ABC123", event="1"), an_alert("ABC124", event="2"), an_alert("ABC123", event="3")]
        assert numbers(seen) == [(0, 1), (1, 1), (0, 2)]

    def test_a_read_that_hits_two_entries_belongs_to_two_passages(self) -> None:
        passages = Passages(RULE)
        for offset, sighting in [(0, 1), (1, 2)]:
            draft = Draft(passages)
            hits = [an_alert(event=f"{offset}", entry=entry) for entry in ("e1", "e2")]
            left = draft.place(hits, offset)
            draft.merge()
            assert [(alert.entry_id, alert.sighting) for alert in left] == [("e1", sighting), ("e2", sighting)]


class TestResends:
    def test_a_read_that_was_counted_neither_raises_nor_updates(self) -> None:
        seen = [an_alert(event="1"), an_alert(event="1"), an_alert(event="2"), an_alert(event="1", at=500)]
        assert numbers(seen) == [(0, 1), (0, 2)]

    def test_within_one_chunk_too(self) -> None:
        draft = Draft(Passages(RULE))
        assert [len(draft.place([an_alert(event="1")], offset)) for offset in range(3)] == [1, 0, 0]

    def test_it_counts_for_an_entry_that_was_listed_meanwhile(self) -> None:
        assert numbers([an_alert(entry="e1"), an_alert(entry="e2")]) == [(0, 1), (1, 1)]


class TestMemory:
    def test_the_last_messages_count_and_what_is_older_is_forgotten(self) -> None:
        rule = PassageRule(remembered=3)
        others = [an_alert(f"OTHER{n}", event=f"o{n}") for n in range(3)]
        again = an_alert(event="2")
        assert numbers([an_alert(event="1"), *others[:2], again], rule)[-1] == (0, 2)
        assert numbers([an_alert(event="1"), *others[:3], again], rule)[-1] == (4, 1)

    def test_memory_is_bounded(self) -> None:
        passages = Passages(PassageRule(remembered=10))
        for offset in range(200):
            draft = Draft(passages)
            draft.place([an_alert(f"CAR{offset % 50}", event=f"{offset}", at=10_000 * offset)], offset)
            draft.merge()
        assert len(passages) == len(passages._counted) == len(passages._of_car) == 10

    def test_a_plate_read_everywhere_at_once_has_a_bounded_number_of_passages(self) -> None:
        passages = Passages(RULE)
        draft = Draft(passages)
        for number in range(3 * MOST):
            draft.place([an_alert(event=f"{number}", at=10_000 * number)], number)
        draft.merge()
        (of_the_car,) = passages._of_car.values()
        assert len(of_the_car) == MOST

    def test_what_the_log_has_let_go_of_is_let_go_of(self) -> None:
        passages = Passages(RULE)
        draft = Draft(passages)
        for number in range(10):
            draft.place([an_alert(event=f"{number}", received_at=NOW + timedelta(days=number))], number)
        draft.merge()
        passages.forget_received_before(NOW + timedelta(days=8))
        assert (len(passages), len(passages._of_car)) == (2, 1)
        passages.forget_received_before(NOW + timedelta(days=99))
        assert (len(passages), len(passages._counted), len(passages._of_car)) == (0, 0, 0)
        assert passages.source_offset == 9


class TestReplay:
    def test_reads_the_log_holds_already_lead_to_nothing(self) -> None:
        passages = Passages(RULE)
        draft = Draft(passages)
        draft.place([an_alert(event="5")], 5)
        draft.merge()
        again = Draft(passages)
        assert again.place([an_alert(event="4")], 4) == again.place([an_alert(event="5")], 5) == []
        assert again.place([an_alert(event="6")], 6)[0].sighting == 2

    def test_of_the_last_read_what_the_log_does_not_hold_leaves(self) -> None:
        passages = Passages(RULE)
        hits = [an_alert(event="5", entry=entry) for entry in ("e1", "e2", "e3")]
        passages.take(as_sighting(hits[0], 5))
        assert [alert.entry_id for alert in Draft(passages).place(hits, 5)] == ["e2", "e3"]

    def test_what_was_not_handed_over_changes_nothing(self) -> None:
        passages = Passages(RULE)
        first = Draft(passages).place([an_alert(event="1")], 0)
        assert Draft(passages).place([an_alert(event="1")], 0) == first
        assert (len(passages), passages.source_offset) == (0, -1)
