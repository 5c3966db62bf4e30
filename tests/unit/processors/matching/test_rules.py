"""The rules of matching, in the words of processors/matching/rules.py, and against a brute-force oracle."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.matching.rules import Hit, NotAlerted, hits_of, is_lawful, judge
from schemas.messages import HotlistEntry, LawfulSource, MatchKind, PlateRead, StateVerdict
from tests.matching import NOW, a_read, an_entry

SECOND = timedelta(seconds=1)


def hit(read: PlateRead, entry: HotlistEntry, now: datetime = NOW) -> Hit:
    verdict = judge(read, entry, now)
    assert isinstance(verdict, Hit)
    return verdict


class TestPlates:
    def test_equal_texts_are_an_exact_match(self) -> None:
        assert hit(a_read("ABC123"), an_entry("ABC123")).match_kind is MatchKind.EXACT

    def test_a_folded_entry_agrees_when_the_folded_plates_are_equal(self) -> None:
        assert hit(a_read("OAI123"), an_entry("0A1I23")).match_kind is MatchKind.FOLDED

    def test_an_exact_entry_agrees_only_when_the_texts_are_equal(self) -> None:
        entry = an_entry("0AB123", match_kind=MatchKind.EXACT)
        assert judge(a_read("OAB123"), entry, NOW) is NotAlerted.PLATE_DIFFERS
        assert hit(a_read("0AB123"), entry).match_kind is MatchKind.EXACT

    @pytest.mark.parametrize("kind", [MatchKind.FUZZY, MatchKind.PARTIAL])
    def test_fuzzy_and_partial_entries_are_matched_like_folded_ones_and_never_more_widely(
        self, kind: MatchKind
    ) -> None:
        assert hit(a_read("OAB128"), an_entry("0AB128", match_kind=kind)).match_kind is MatchKind.FOLDED
        assert judge(a_read("0AB12B"), an_entry("0AB128", match_kind=kind), NOW) is NotAlerted.PLATE_DIFFERS
        assert judge(a_read("0AB128"), an_entry("0AB1", match_kind=kind), NOW) is NotAlerted.PLATE_DIFFERS


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
        assert judge(a_read(state="WI"), an_entry(state="MN"), NOW) is NotAlerted.STATE_DIFFERS


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
        found = judge(a_read(collected_at=collected), entry, now)
        assert found is verdict if verdict else isinstance(found, Hit)


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
        assert isinstance(judge(a_read(), entry, NOW), Hit) is lawful

    def test_an_unlawful_entry_is_counted_as_such(self) -> None:
        entry = an_entry(lawful_source=LawfulSource.UNSTATED)
        assert hits_of(a_read(), [entry], NOW) == ([], [NotAlerted.NOT_LAWFUL])


class TestSeveralEntries:
    def test_all_alert_the_highest_priority_first_then_by_entry_id(self) -> None:
        entries = [
            an_entry(entry_id="b", priority=3),
            an_entry(entry_id="c", priority=1),
            an_entry(entry_id="a", priority=2, state=None),
        ]
        hits, others = hits_of(a_read(), entries, NOW)
        assert [found.entry.entry_id for found in hits] == ["c", "a", "b"]
        assert others == []


class TestCasesThatHappened:
    """The last paragraph of the order's rules."""

    @pytest.mark.parametrize("kind", list(MatchKind))
    def test_5sow350_read_for_listed_5sow750_is_no_alert(self, kind: MatchKind) -> None:
        entry = an_entry("5SOW750", state="CA", match_kind=kind)
        assert judge(a_read("5SOW350", state="CA"), entry, NOW) is NotAlerted.PLATE_DIFFERS

    def test_a_colorado_suv_is_no_alert_for_a_montana_motorcycle_with_the_same_number(self) -> None:
        assert judge(a_read("A12345", state="CO"), an_entry("A12345", state="MT"), NOW) is NotAlerted.STATE_DIFFERS

    def test_a_final_2_read_as_7_is_no_alert(self) -> None:
        assert judge(a_read("ABC127"), an_entry("ABC122"), NOW) is NotAlerted.PLATE_DIFFERS

    def test_a_rental_car_recovered_whose_record_expired_is_no_alert(self) -> None:
        entry = an_entry(category="stolen rental", expires_at=NOW - timedelta(hours=1))
        assert judge(a_read(), entry, NOW) is NotAlerted.EXPIRED


# few characters and few moments, so that agreement and its near misses both come up often
PLATES = st.text("0O1I5S", min_size=1, max_size=3)
STATES = st.sampled_from([None, "MN", "WI"])
MOMENTS = st.integers(-3, 3).map(lambda seconds: NOW + seconds * SECOND)
READS = st.builds(a_read, PLATES, state=STATES, collected_at=MOMENTS)
ENTRIES = st.builds(
    an_entry,
    PLATES,
    entry_id=st.sampled_from("abcdef"),
    match_kind=st.sampled_from(MatchKind),
    state=STATES,
    lawful_source=st.sampled_from(LawfulSource),
    case_number=st.sampled_from([None, "26-000123"]),
    priority=st.integers(1, 5),
    effective_at=MOMENTS,
    expires_at=MOMENTS,
)


def oracle(read: PlateRead, entry: HotlistEntry, now: datetime) -> tuple[str, str, int] | None:
    """The rules once more, the long way: character by character, moment by moment."""
    same_car = len(read.plate) == len(entry.plate) and all(
        a == b or {a, b} in ({"O", "0"}, {"I", "1"}) for a, b in zip(read.plate, entry.plate, strict=True)
    )
    wanted = same_car and (entry.match_kind != "EXACT" or read.plate == entry.plate)
    lawful = entry.lawful_source == "STATE_FILE" or (
        entry.lawful_source == "ACTIVE_INVESTIGATION" and entry.case_number is not None
    )
    in_force = all(entry.effective_at <= moment < entry.expires_at for moment in (read.collected_at, now))
    known = [state for state in (read.state, entry.state) if state]
    if not wanted or not lawful or not in_force or len(set(known)) == 2:
        return None
    kind = "EXACT" if read.plate == entry.plate else "FOLDED"
    if len(known) == 2:
        return kind, "AGREES", entry.priority
    return kind, "UNKNOWN", {1: 2, 2: 3, 3: 4, 4: 5, 5: 5}[entry.priority]


@pytest.mark.rule("match.lawful")
@given(read=READS, entries=st.lists(ENTRIES, max_size=6), now=MOMENTS)
def test_the_rules_agree_with_a_brute_force_oracle(read: PlateRead, entries: list[HotlistEntry], now: datetime) -> None:
    hits, others = hits_of(read, entries, now)
    expected = {(entry.entry_id, *found) for entry in entries if (found := oracle(read, entry, now))}
    assert {(h.entry.entry_id, h.match_kind, h.state_verdict, h.priority) for h in hits} == expected
    assert len(hits) + len(others) == len(entries)
    assert [h.priority for h in hits] == sorted(h.priority for h in hits)
