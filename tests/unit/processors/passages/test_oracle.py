"""Passages against an oracle that looks through the whole log for each read; crashes, batches and zombies anywhere."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.passages.passages import Draft, Passages
from processors.passages.rules import MOST, PassageRule, Sighting, as_sighting
from schemas.messages import Alert
from schemas.plates import fold
from tests.matching import NOW
from tests.passages import an_alert, metres_north

Read = tuple[Alert, ...]  # the hits of one read
RULES = st.builds(
    PassageRule,
    window=st.sampled_from([0, 10, 120]).map(lambda seconds: timedelta(seconds=seconds)),
    near_metres=st.sampled_from([0, 1_000, 2_000]),
    remembered=st.sampled_from([2, 3, 8, 1_000]),  # at least the hits of one read,
)


@cache
def a_read(event: int, entries: tuple[str, ...]) -> Read:
    """Few cars, readers and times, so that passages meet, part and overlap; a resend is the same read."""
    same = random.Random(event)
    plate = same.choice(["OAB101", "0ABI0I", "KLM222"])
    gate = same.randrange(5)
    at = same.choice([-9_000, -8_950, 0, 5, 60, 119, 121, 200, 260]) + same.choice([0, 0.001])
    place = metres_north([0, 900, 1_150, 1_950, 2_100][gate])
    return tuple(
        an_alert(plate, event=f"{event}", entry=entry, at=at, device_id=f"gate-{gate}", **place) for entry in entries
    )


def reads(most: int = 40) -> st.SearchStrategy[list[Read]]:
    entries = st.sampled_from([("e1",), ("e2",), ("e1", "e2")])
    return st.lists(st.builds(a_read, st.integers(0, 60), entries), min_size=1, max_size=most)


def oracle(seen: Sequence[Read], rule: PassageRule) -> list[Alert]:
    """The rules in their words, with nothing kept but the log."""
    log: list[Alert] = []
    for hits in seen:
        for hit in hits:
            counts = [message for message in log[-rule.remembered :] if message.entry_id == hit.entry_id]
            if any(message.read_id == hit.read_id for message in counts):
                continue
            last: dict[object, Alert] = {}
            for message in counts:
                if fold(message.plate) == fold(hit.plate):
                    last.pop(message.alert_id, None)
                    last[message.alert_id] = message
            fitting = [message for message in list(last.values())[-MOST:] if fits(hit, message, rule)]
            log.append(continued(hit, fitting[-1]) if fitting else hit)
    return log


def fits(hit: Alert, last: Alert, rule: PassageRule) -> bool:
    started, seen = span(last)
    metres = abs(hit.latitude - last.latitude) * 111_195
    near = hit.device_id == last.device_id or metres <= rule.near_metres
    return near and started <= hit.collected_at + rule.window and hit.collected_at - rule.window <= seen


def span(message: Alert) -> tuple[datetime, datetime]:
    return message.passage_started_at or message.collected_at, message.last_seen_at or message.collected_at


def continued(hit: Alert, last: Alert) -> Alert:
    known = [hit.collected_at, *span(last)]
    return replace(
        hit,
        alert_id=last.alert_id,
        passage_started_at=min(known),
        last_seen_at=max(known),
        sighting=last.sighting + 1,
    )


def gist(log: Sequence[Alert]) -> list[tuple[object, ...]]:
    return [
        (
            alert.alert_id,
            alert.sighting,
            alert.entry_id,
            alert.read_id,
            *span(alert),
        )
        for alert in log
    ]


def worker(log: list[Alert], rule: PassageRule) -> Passages:
    """A worker that starts: it reads back as much of the log as counts."""
    passages = Passages(rule)
    for message in log[-rule.remembered :]:
        passages.take(as_sighting(message))
    return passages


@given(seen=reads(), rule=RULES, chunk=st.integers(1, 20))
def test_reads_become_what_the_oracle_says_whatever_the_chunks(seen: list[Read], rule: PassageRule, chunk: int) -> None:
    passages, log = Passages(rule), []
    for start in range(0, len(seen), chunk):
        draft = Draft(passages)
        for offset in range(start, min(start + chunk, len(seen))):
            log += draft.place(seen[offset], offset)
        draft.merge()
    assert gist(log) == gist(oracle(seen, rule))


@given(seen=reads(), rule=RULES, seed=st.integers(0, 2**32))
def test_a_worker_that_dies_anywhere_leaves_the_log_of_one_that_does_not(
    seen: list[Read], rule: PassageRule, seed: int
) -> None:
    """It dies between two messages, even of one read, before it has committed; reads are then matched again."""
    chance = random.Random(seed)
    log: list[Alert] = []
    committed = 0
    while committed < len(seen):
        committed = life(seen, committed, log, rule, chance)
    assert gist(log) == gist(oracle(seen, rule))
    assert [alert.source_offset for alert in log] == sorted(alert.source_offset for alert in log)


def life(seen: list[Read], position: int, log: list[Alert], rule: PassageRule, chance: random.Random) -> int:
    """One worker from its start to its death or the last read; what it has committed."""
    passages, committed = worker(log, rule), position
    while position < len(seen):
        draft, end = Draft(passages), min(position + chance.randint(1, 8), len(seen))
        for offset in range(position, end):
            for message in draft.place(seen[offset], offset):
                if chance.random() < 0.1:
                    return committed
                log.append(message)
        draft.merge()
        position = end
        committed = chance.choice([committed, position])
    return position


@given(seen=reads(), rule=RULES, seed=st.integers(0, 2**32))
def test_what_a_worker_taken_for_dead_writes_late_changes_nothing(
    seen: list[Read], rule: PassageRule, seed: int
) -> None:
    """The log then holds some messages twice; who reads it back passes over the later ones."""
    chance = random.Random(seed)
    log = [*written(seen, rule)]
    doubled = list(log)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(log))
        stop = chance.randint(start, len(log))
        doubled[len(doubled) :] = log[start:stop]
    plain, late = Passages(rule), Passages(rule)
    for message in log:
        assert plain.take(as_sighting(message))
    taken = [late.take(as_sighting(message)) for message in doubled]
    assert taken == [True] * len(log) + [False] * (len(doubled) - len(log))
    assert vars(plain) == vars(late)


@given(seen=reads(), more=reads(8), rule=RULES)
def test_as_much_of_the_log_as_counts_tells_all_of_it(seen: list[Read], more: list[Read], rule: PassageRule) -> None:
    log = list(written(seen, rule))
    whole = Passages(rule)
    for message in log:
        whole.take(as_sighting(message))
    left = [list(written(more, rule, passages, len(seen))) for passages in (whole, worker(log, rule))]
    assert gist(left[0]) == gist(left[1])


def written(
    seen: Sequence[Read], rule: PassageRule, passages: Passages | None = None, offset: int = 0
) -> Iterator[Alert]:
    draft = Draft(passages or Passages(rule))
    for number, hits in enumerate(seen, offset):
        yield from draft.place(hits, number)


def test_what_the_oracle_is_asked_is_worth_asking() -> None:
    """Updates, resends, passages that part by time and by place, and forgetting all occur among the examples."""
    counts = dict.fromkeys(["update", "resend", "another", "forgotten"], 0)

    @given(seen=reads())
    def look(seen: list[Read]) -> None:
        log = oracle(seen, PassageRule())
        counts["update"] += any(alert.sighting > 1 for alert in log)
        counts["resend"] += len(log) < sum(map(len, seen))
        counts["another"] += len({alert.alert_id for alert in log}) > len({a.entry_id + fold(a.plate) for a in log})
        counts["forgotten"] += gist(log) != gist(oracle(seen, PassageRule(remembered=3)))

    look()
    assert min(counts.values()) > 20, counts


def test_a_message_of_the_first_version_is_a_first_sighting() -> None:
    sighting: Sighting = as_sighting(an_alert())
    assert (sighting.number, sighting.source_offset) == (1, -1)
    assert sighting.started_at == sighting.last_seen_at == NOW


@pytest.mark.parametrize("remembered", [2, 50_000])
def test_a_draft_is_merged_as_the_log_is_read_back(remembered: int) -> None:
    rule = PassageRule(remembered=remembered)
    passages = Passages(rule)
    draft = Draft(passages)
    log = [
        message
        for offset in range(30)
        for message in draft.place([an_alert(event=f"{offset}", at=40 * offset, entry=f"e{offset % 2}")], offset)
    ]
    draft.merge()
    read_back = Passages(rule)
    for message in log:
        read_back.take(as_sighting(message))
    assert vars(read_back) == vars(passages)
