"""Alerts for the tests of passages, as the matcher gives them, and the places they are read at."""

from datetime import timedelta
from typing import Any

from processors.matching.alerts import build_alert
from processors.matching.comparison import Agreement
from processors.matching.rules import Hit
from schemas.messages import Alert, MatchKind, StateVerdict
from tests.matching import NOW, a_read, an_entry

METRES_A_DEGREE = 111_195  # of latitude, on the sphere that distances are measured on


def an_alert(plate: str = "ABC123", *, event: str = "1", entry: str = "e1", at: float = 0, **fields: Any) -> Alert:
    """The alert of a read collected `at` seconds after NOW; `event` makes the read id, `fields` are the read's."""
    read = a_read(plate, event=event, collected_at=NOW + timedelta(seconds=at), **fields)
    hit = Hit(
        entry=an_entry(plate, entry_id=entry),
        agreement=Agreement(match_kind=MatchKind.EXACT, differing_positions=()),
        state_verdict=StateVerdict.AGREES,
        is_late=False,
        is_stale=False,
    )
    return build_alert(read, hit, NOW)


def metres_north(metres: float) -> dict[str, float]:
    """The place of a read so far from where the others are."""
    return {"latitude": 44.95 + metres / METRES_A_DEGREE}
