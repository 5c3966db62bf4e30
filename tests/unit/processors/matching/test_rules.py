"""The rules of matching, in the words of processors/matching/rules.py."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from platestream.settings import ListLimits, MatchingSettings
from processors.matching.rules import Hit, NotAlerted, hits_of, is_lawful, judge
from schemas.messages import HotlistEntry, LawfulSource, MatchKind, PlateRead, StateVerdict
from tests.matching import NOW, a_read, an_entry

SETTINGS = MatchingSettings()
SECOND = timedelta(seconds=1)


def hit(read: PlateRead, entry: HotlistEntry, now: datetime = NOW) -> Hit:
    verdict = judge(read, entry, now, SETTINGS)
    assert isinstance(verdict, Hit)
    return verdict


class TestPlates:
    def test_equal_texts_are_an_exact_match(self) -> None:
        assert hit(a_read("ABC123"), an_entry("ABC123")).match_kind is MatchKind.EXACT

    def test_a_folded_entry_agrees_when_the_folded_plates_are_equal(self) -> None:
        assert hit(a_read("OAI123"), an_entry("0A1I23")).match_kind is MatchKind.FOLDED

    def test_an_exact_entry_agrees_only_when_the_texts_are_equal(self) -> None:
        entry = an_entry("0AB123", match_kind=MatchKind.EXACT)
        assert judge(a_read("OAB123"), entry, NOW, SETTINGS) is NotAlerted.PLATE_DIFFERS
        assert hit(a_read("0AB123"), entry).match_kind is MatchKind.EXACT

    @pytest.mark.parametrize("kind", [MatchKind.FUZZY, MatchKind.PARTIAL])
    def test_what_a_wider_entry_finds_more_narrowly_is_said_so(self, kind: MatchKind) -> None:
        assert hit(a_read("OAB128"), an_entry("OAB128", match_kind=kind)).match_kind is MatchKind.EXACT
        assert hit(a_read("OAB128"), an_entry("0AB128", match_kind=kind)).match_kind is MatchKind.FOLDED

    def test_only_a_fuzzy_entry_agrees_with_a_look_alike(self) -> None:
        for kind in MatchKind:
            verdict = judge(a_read("0AB12B"), an_entry("0AB128", match_kind=kind), NOW, SETTINGS)
            assert isinstance(verdict, Hit) is (kind is MatchKind.FUZZY)

    @pytest.mark.parametrize(("plate", "category"), [("A?1*3", "HOMICIDE"), ("AB?12*", "STOLEN_VEHICLE")])
    def test_a_partial_entry_that_breaks_the_rules_of_its_kind_is_matched_like_a_folded_one(
        self, plate: str, category: str
    ) -> None:
        entry = an_entry(plate, match_kind=MatchKind.PARTIAL, category=category)
        assert judge(a_read("ABC123"), entry, NOW, SETTINGS) is NotAlerted.PLATE_DIFFERS

    def test_a_partial_entry_of_a_serious_crime_agrees_with_what_fits(self) -> None:
        entry = an_entry("A?C12*", match_kind=MatchKind.PARTIAL, category="HOMICIDE")
        assert hit(a_read("ABC123"), entry).match_kind is MatchKind.PARTIAL


class TestStates:
    def test_equal_states_agree(self) -> None:
        found = hit(a_read(state="WI"), an_entry(state="WI", priority=2))
        assert (found.state_verdict, found.priority) == (StateVerdict.AGREES, 2)

    @pytest.mark.parametrize(("read", "listed"), [(None, "MN"), ("MN", None), (None, None)])
    def test_one_state_unknown_is_marked_and_one_priority_lower(self, read: str | None, listed: str | None) -> None:
        found = hit(a_read(state=read), an_entry(state=listed, priority=2))
        assert (found.state_verdict, found.priority) == (StateVerdict.UNKNOWN, 3)

    def test_a_priority_is_never_below_5(self) -> None:
        assert hit(a_read(state=None), an_entry(priority=5)).priority == 5

    def test_different_states_are_no_alert_whatever_the_plates_say(self) -> None:
        assert judge(a_read(state="WI"), an_entry(state="MN"), NOW, SETTINGS) is NotAlerted.STATE_DIFFERS


class TestTime:
    @pytest.mark.parametrize(
        ("collected", "now", "verdict"),
        [
            (NOW, NOW, None),
            (NOW - SECOND, NOW, NotAlerted.NOT_EFFECTIVE),  # read before it was listed, uploaded after
            (NOW + SECOND, NOW - SECOND, NotAlerted.NOT_EFFECTIVE),  # the reader's clock is ahead
            (NOW + SECOND, NOW + 9 * SECOND, None),
            (NOW + SECOND, NOW + 10 * SECOND, NotAlerted.EXPIRED),  # expired on the way here
            (NOW + 10 * SECOND, NOW + SECOND, NotAlerted.EXPIRED),
        ],
    )
    def test_an_entry_speaks_only_when_in_force_both_at_collection_and_now(
        self, collected: datetime, now: datetime, verdict: NotAlerted | None
    ) -> None:
        entry = an_entry(effective_at=NOW, expires_at=NOW + 10 * SECOND)
        found = judge(a_read(collected_at=collected), entry, now, SETTINGS)
        assert found is verdict if verdict else isinstance(found, Hit)


class TestLateness:
    LIMIT = timedelta(minutes=SETTINGS.late_after_minutes)

    def test_a_read_matched_long_after_it_was_collected_is_marked_and_one_priority_lower(self) -> None:
        in_time, late = (
            hit(a_read(collected_at=NOW - age), an_entry(priority=1)) for age in (self.LIMIT, self.LIMIT + SECOND)
        )
        assert (in_time.is_late, in_time.priority) == (False, 1)
        assert (late.is_late, late.priority) == (True, 2)

    def test_unknown_state_and_lateness_add_up_to_the_lowest_priority_at_most(self) -> None:
        read = a_read(collected_at=NOW - 2 * self.LIMIT, state=None)
        assert [hit(read, an_entry(priority=priority)).priority for priority in range(1, 6)] == [3, 4, 5, 5, 5]


class TestAgeOfTheList:
    @pytest.mark.parametrize(
        ("hours", "fields", "verdict"),
        [
            (24, {}, False),
            (24.01, {}, True),
            (168, {}, True),
            (168.01, {}, None),
            (24, {"source": "quick"}, None),
            (1.5, {"source": "quick"}, True),
            (1.5, {"stale_after_seconds": 3600}, True),
            (1.5, {"dropped_after_seconds": 3600}, None),
            (30, {"stale_after_seconds": 400_000, "dropped_after_seconds": 800_000}, True),
            (169, {"stale_after_seconds": 400_000, "dropped_after_seconds": 800_000}, None),
        ],
    )
    def test_an_old_list_is_marked_and_a_very_old_one_raises_no_alert(
        self, hours: float, fields: dict[str, Any], verdict: bool | None
    ) -> None:
        settings = MatchingSettings(lists={"quick": ListLimits(stale_after_hours=1, dropped_after_hours=2)})
        entry = an_entry(extracted_at=NOW - timedelta(hours=hours), priority=1, **fields)
        found = judge(a_read(), entry, NOW, settings)
        if verdict is None:
            assert found is NotAlerted.LIST_TOO_OLD
        else:
            assert isinstance(found, Hit)
            assert (found.is_stale, found.priority) == (verdict, 2 if verdict else 1)


class TestTopPriority:
    @pytest.mark.parametrize(
        ("read", "entry"),
        [
            (a_read("ABC128"), an_entry("ABC12B", priority=1, match_kind=MatchKind.FUZZY)),
            (a_read("ABC128"), an_entry("ABC128", priority=1, match_kind=MatchKind.FUZZY)),
            (a_read("ABC128"), an_entry("A?C128", priority=1, match_kind=MatchKind.PARTIAL, category="HOMICIDE")),
            (a_read(state=None), an_entry(priority=1)),
            (a_read(collected_at=NOW - timedelta(hours=1)), an_entry(priority=1)),
            (a_read(), an_entry(priority=1, extracted_at=NOW - timedelta(hours=25))),
        ],
    )
    def test_an_unsure_alert_never_has_it(self, read: PlateRead, entry: HotlistEntry) -> None:
        assert hit(read, entry).priority == 2

    def test_a_sure_one_does(self) -> None:
        assert hit(a_read(), an_entry(priority=1)).priority == 1


@pytest.mark.rule("match.lawful")
class TestSource:
    @pytest.mark.parametrize(
        ("source", "case_number", "lawful"),
        [
            (LawfulSource.STATE_FILE, None, True),
            (LawfulSource.ACTIVE_INVESTIGATION, "26-000123", True),
            (LawfulSource.ACTIVE_INVESTIGATION, None, False),
            (LawfulSource.ACTIVE_INVESTIGATION, "  ", False),
            (LawfulSource.UNSTATED, None, False),
            (LawfulSource.UNSTATED, "26-000123", False),
        ],
    )
    def test_only_the_state_file_or_an_active_investigation_alerts(
        self, source: LawfulSource, case_number: str | None, lawful: bool
    ) -> None:
        entry = an_entry(lawful_source=source, case_number=case_number)
        assert is_lawful(entry) is lawful
        assert isinstance(judge(a_read(), entry, NOW, SETTINGS), Hit) is lawful

    def test_an_unlawful_entry_is_counted_as_such(self) -> None:
        entry = an_entry(lawful_source=LawfulSource.UNSTATED)
        assert hits_of(a_read(), [entry], NOW, SETTINGS) == ([], [NotAlerted.NOT_LAWFUL])


class TestSeveralEntries:
    def test_all_alert_the_highest_priority_first_then_by_entry_id(self) -> None:
        entries = [
            an_entry(entry_id="b", priority=3),
            an_entry(entry_id="c", priority=1),
            an_entry(entry_id="a", priority=2, state=None),
        ]
        hits, others = hits_of(a_read(), entries, NOW, SETTINGS)
        assert [found.entry.entry_id for found in hits] == ["c", "a", "b"]
        assert others == []


class TestCasesThatHappened:
    """The last paragraph of the order's rules."""

    @pytest.mark.parametrize("kind", [MatchKind.EXACT, MatchKind.FOLDED, MatchKind.PARTIAL])
    def test_5sow350_read_for_listed_5sow750_is_no_alert(self, kind: MatchKind) -> None:
        entry = an_entry("5SOW750", state="CA", match_kind=kind, priority=2)
        assert judge(a_read("5SOW350", state="CA"), entry, NOW, SETTINGS) is NotAlerted.PLATE_DIFFERS

    def test_5sow350_read_for_listed_5sow750_of_a_fuzzy_entry_says_where_and_is_not_urgent(
        self,
    ) -> None:
        entry = an_entry("5SOW750", state="CA", match_kind=MatchKind.FUZZY, priority=1)
        found = hit(a_read("5SOW350", state="CA"), entry)
        assert (found.match_kind, found.agreement.differing_positions) == (MatchKind.FUZZY, (4,))
        assert found.priority > 1

    @pytest.mark.parametrize("kind", list(MatchKind))
    def test_a_colorado_suv_is_no_alert_for_a_montana_motorcycle_with_the_same_number(self, kind: MatchKind) -> None:
        entry = an_entry("A12345", state="MT", match_kind=kind)
        assert judge(a_read("A12345", state="CO"), entry, NOW, SETTINGS) is NotAlerted.STATE_DIFFERS

    def test_a_final_2_read_as_7_is_no_alert_but_for_a_fuzzy_entry(self) -> None:
        read = a_read("ABC127")
        assert judge(read, an_entry("ABC122"), NOW, SETTINGS) is NotAlerted.PLATE_DIFFERS
        found = hit(read, an_entry("ABC122", match_kind=MatchKind.FUZZY, priority=1))
        assert (found.agreement.differing_positions, found.priority) == ((5,), 2)

    def test_a_rental_car_recovered_whose_record_expired_is_no_alert(self) -> None:
        entry = an_entry(category="stolen rental", expires_at=NOW - timedelta(hours=1))
        assert judge(a_read(), entry, NOW, SETTINGS) is NotAlerted.EXPIRED

    def test_a_rental_car_recovered_since_the_extract_is_marked_stale_then_no_alert(self) -> None:
        """Nobody told the list: all that can be known is how old it is."""
        listed = [an_entry(category="stolen rental", extracted_at=NOW - timedelta(days=days)) for days in (0, 2, 8)]
        fresh, stale, too_old = (judge(a_read(), entry, NOW, SETTINGS) for entry in listed)
        assert isinstance(fresh, Hit) and not fresh.is_stale
        assert isinstance(stale, Hit) and stale.is_stale
        assert too_old is NotAlerted.LIST_TOO_OLD
