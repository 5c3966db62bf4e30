"""Matching, from bytes to alerts, against a reference that knows the rules in words and nothing of the code."""

import os
from collections import Counter
from random import Random, SystemRandom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.matching.hotlist import Hotlist
from processors.matching.matcher import Matcher
from processors.matching.rules import Hit, NotAlerted, judge
from schemas.codec import Codec
from schemas.messages import Alert, HotlistEntry
from schemas.plates import fold, hotlist_key
from streams.hotlists.kinds import EntryFault, fault_of
from tests.matching import alerts_of
from tests.matching_cases import SETTINGS, Case, a_case
from tests.matching_oracle import Expected, expected, expected_alerts, expected_fault

SOAK = bool(os.environ.get("PLATESTREAM_SOAK"))
CASES, LEAST = (100_000, 100) if SOAK else (600, 0)
pytestmark = pytest.mark.timeout(3600)  # 100,000 cases take five minutes on a busy machine
OUTCOMES = {
    "EXACT", "FOLDED", "FUZZY", "PARTIAL", "candidate", "AGREES", "UNKNOWN", "late", "stale", "top priority",
    "no alert", "several alerts", "suppressed", *NotAlerted, *EntryFault,
}  # fmt: skip


def said(alert: Alert) -> Expected:
    return Expected(**{name: getattr(alert, name) for name in Expected.__dataclass_fields__})


def check(codec: Codec, case: Case) -> list[Expected]:
    """The worker's whole way from bytes gives what the reference says; these are the alerts."""
    hotlist, value = Hotlist(codec, SETTINGS), codec.encode(case.read)
    for entry in case.entries:
        hotlist.apply(hotlist_key(entry.plate, entry.entry_id), codec.encode(entry))
    matcher = Matcher(codec, hotlist, {fold(plate).encode() for plate in case.suppressed}, SETTINGS)
    raised = alerts_of(hotlist, matcher, value, case.now)
    assert all(Alert(**vars(alert)) == alert for alert in raised)  # they are built without being checked
    alerts = [said(alert) for alert in raised]
    suppressed = {fold(plate) for plate in case.suppressed}
    assert alerts == expected_alerts(case.read, case.entries, case.now, SETTINGS, suppressed)
    return alerts


def check_entry(case: Case, entry: HotlistEntry) -> Expected | str:
    """The rules say of one entry what the reference says, also of a faulty one that would never be asked about."""
    assert fault_of(entry, SETTINGS.partial_categories) == expected_fault(entry, SETTINGS)
    verdict = judge(case.read, entry, case.now, SETTINGS)
    wanted = expected(case.read, entry, case.now, SETTINGS)
    if isinstance(verdict, Hit):
        assert isinstance(wanted, Expected)
        assert (verdict.priority, verdict.match_kind) == (wanted.priority, wanted.match_kind)
    else:
        assert verdict == wanted
    return wanted


@pytest.mark.rule("match.lawful")
@given(random=st.randoms(use_true_random=False))
def test_bytes_in_and_alerts_out_as_the_reference_says(codec: Codec, random: Random) -> None:
    case = a_case(random)
    check(codec, case)
    for entry in case.entries:
        check_entry(case, entry)


def test_many_cases_meet_every_rule_often_and_agree(codec: Codec) -> None:
    """Other cases at each run of `make soak`; a failure shows the seed of its case."""
    seeds = SystemRandom() if SOAK else Random(7)
    met: Counter[str] = Counter()
    for seed in (seeds.getrandbits(64) for _ in range(CASES)):
        case = a_case(Random(seed))
        try:
            met.update(outcomes(case, check(codec, case)))
        except AssertionError as difference:
            raise AssertionError(f"the case of seed {seed} differs") from difference
    rare = {outcome: met[outcome] for outcome in sorted(OUTCOMES) if met[outcome] <= LEAST}
    assert not rare, met


def outcomes(case: Case, alerts: list[Expected]) -> list[str]:
    """What a case met, alert by alert and entry by entry."""
    found = ["no alert"] if not alerts else ["several alerts"] if len(alerts) > 1 else []
    found += ["suppressed"] if case.suppressed else []
    for alert in alerts:
        found += [alert.match_kind, alert.state_verdict]
        found += [name for name, is_so in (("late", alert.is_late), ("stale", alert.is_stale)) if is_so]
        found += ["candidate"] if alert.matched_candidate else []
        found += ["top priority"] if alert.priority == 1 else []
    for entry in case.entries:
        fault, wanted = expected_fault(entry, SETTINGS), check_entry(case, entry)
        found += [word for word in (fault, wanted) if isinstance(word, str)]
    return found
