"""Random cases of matching: a read and some entries, near enough to each other that every rule is met often.

Made from a `random.Random`, which Hypothesis can steer too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from platestream.settings import ListLimits, MatchingSettings
from schemas.messages import Candidate, HotlistEntry, LawfulSource, MatchKind, PlateRead
from tests.matching import NOW, a_read, an_entry

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MISTAKES = ["0D", "0Q", "OD", "OQ", "DQ", "2Z", "5S", "8B", "6G", "37", "27"]
SOURCES = ["state file", "short-lived"]
SETTINGS = MatchingSettings(
    lists={"short-lived": ListLimits(stale_after_hours=1, dropped_after_hours=2)},
    partial_categories=("HOMICIDE", "KIDNAPPING"),
)
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Case:
    """`suppressed` are plates as listed or read."""

    read: PlateRead
    entries: list[HotlistEntry]
    now: datetime
    suppressed: list[str]


def a_case(random: Random) -> Case:
    plate = "".join(random.choices(LETTERS + "0O1I2578DSZB" * 3, k=random.choice([2, 5, 6, 7, 7, 20])))
    now = NOW
    late = timedelta(minutes=SETTINGS.late_after_minutes)
    age = random.choice([timedelta(0), _TICK, late, late, late + _TICK, 3 * late, -_TICK])
    candidates = [
        Candidate(plate=_another(random, plate), confidence=random.choice([None, 0.5]))
        for _ in range(random.choice([0, 0, 1, 3]))
    ]
    read = a_read(plate, state=_state(random), collected_at=now - age, candidates=tuple(candidates))
    entries = [_entry(random, read, now, f"e{number}") for number in random.sample(range(9), random.choice([1, 2, 4]))]
    suppressed = [other for other in (plate, *(entry.plate for entry in entries)) if random.randint(0, 9) == 0]
    return Case(read=read, entries=entries, now=now, suppressed=suppressed)


def _entry(random: Random, read: PlateRead, now: datetime, entry_id: str) -> HotlistEntry:
    kind = random.choice([*MatchKind, MatchKind.FUZZY, MatchKind.PARTIAL])
    source = random.choice(SOURCES)
    return an_entry(
        _listed_plate(random, read, kind),
        entry_id=entry_id,
        match_kind=kind,
        state=_state(random),
        source=source,
        category=random.choice(["HOMICIDE", "HOMICIDE", "KIDNAPPING", "STOLEN_VEHICLE"]),
        priority=random.randint(1, 5),
        **_lawfulness(random),
        **_times(random, read, now),
        **_ages(random, source, now),
    )


def _listed_plate(random: Random, read: PlateRead, kind: MatchKind) -> str:
    plate = random.choice([read.plate, *(other.plate for other in read.candidates)])
    plate = _changed(random, plate)
    may_be_open = kind is MatchKind.PARTIAL or random.randint(0, 15) == 0
    return _with_wildcards(random, plate) if may_be_open else plate


def _changed(random: Random, plate: str) -> str:
    """The same, one spelled with other O, 0, I, 1, one with a mistake or two, or one more or less like it."""
    match random.randint(0, 9):
        case 0 | 1 | 2:
            return plate
        case 3 | 4:
            return plate.translate(str.maketrans("O0I1", "0O1I"))
        case 5 | 6:
            return _mistaken(random, plate)
        case 7:
            return _mistaken(random, _mistaken(random, plate))
        case 8:
            return _replaced(random, plate, random.choice(LETTERS))
        case _:
            return random.choice([plate[:-1] or "A", (plate + "A")[:20], plate[::-1]])


def _mistaken(random: Random, plate: str) -> str:
    places = [at for at, character in enumerate(plate) if any(character in pair for pair in MISTAKES)]
    if not places:
        return plate
    at = random.choice(places)
    other = random.choice([pair.replace(plate[at], "") for pair in MISTAKES if plate[at] in pair])
    return plate[:at] + other + plate[at + 1 :]


def _replaced(random: Random, plate: str, other: str) -> str:
    at = random.randrange(len(plate))
    return plate[:at] + other + plate[at + 1 :]


def _with_wildcards(random: Random, plate: str) -> str:
    """Some characters become ?, some runs of none to three become *; sometimes so many that too few are known."""
    for _ in range(random.choice([0, 1, 1, 2, 2, 4])):
        if random.randint(0, 1):
            plate = _replaced(random, plate, "?")
        else:
            at = random.randint(0, len(plate))
            plate = (plate[:at] + "*" + plate[at + random.randint(0, 3) :])[:20]
    return plate


def _another(random: Random, plate: str) -> str:
    """A plate that the OCR might also consider."""
    return _replaced(random, _changed(random, plate), random.choice(LETTERS))


def _state(random: Random) -> str | None:
    return random.choice([None, "MN", "MN", "MN", "WI"])


def _lawfulness(random: Random) -> dict[str, Any]:
    source = random.choice([*LawfulSource, LawfulSource.STATE_FILE, LawfulSource.STATE_FILE, LawfulSource.STATE_FILE])
    return {"lawful_source": source, "case_number": random.choice([None, "26-000123", "  "])}


def _times(random: Random, read: PlateRead, now: datetime) -> dict[str, datetime]:
    """In force for long, or from or until a moment that matters."""
    moments = [moment + by for moment in (read.collected_at, now) for by in (-_TICK, timedelta(0), _TICK)]
    month = timedelta(days=30)
    return {
        "effective_at": random.choice([*moments, *[now - month] * 40]),
        "expires_at": random.choice([*moments, *[now + month] * 40]),
    }


def _ages(random: Random, source: str, now: datetime) -> dict[str, Any]:
    """The age of the list is at one of the limits that may hold for it, or near."""
    limits = SETTINGS.limits_of(source)
    own = random.choice([None, None, 600]), random.choice([None, None, 5400])
    ages = [limits.stale_after_hours * 3600, limits.dropped_after_hours * 3600, 600, 5400, 0, 0, 0]
    age = timedelta(seconds=random.choice(ages)) + random.choice([-_TICK, timedelta(0), _TICK])
    return {"extracted_at": now - age, "stale_after_seconds": own[0], "dropped_after_seconds": own[1]}
