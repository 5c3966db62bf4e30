"""What an entry may ask for by its match kind."""

import pytest

from platestream.errors import InvalidMessage
from schemas.messages import MatchKind
from streams.hotlists.kinds import EntryFault, check_kind, fault_of
from tests.matching import an_entry

SERIOUS = ("HOMICIDE",)


@pytest.mark.parametrize(
    ("plate", "kind", "fields", "fault"),
    [
        ("ABC1", MatchKind.EXACT, {"priority": 1}, None),
        ("A", MatchKind.FOLDED, {"priority": 1}, None),
        ("ABC12?", MatchKind.FOLDED, {}, EntryFault.WILDCARD),
        ("ABC12*", MatchKind.EXACT, {}, EntryFault.WILDCARD),
        ("ABC12*", MatchKind.FUZZY, {}, EntryFault.WILDCARD),
        ("ABC1*", MatchKind.PARTIAL, {"category": "HOMICIDE"}, None),
        ("ABC?*", MatchKind.PARTIAL, {"category": "HOMICIDE"}, EntryFault.TOO_FEW_KNOWN),
        ("ABC1*", MatchKind.PARTIAL, {"category": "STOLEN_VEHICLE"}, EntryFault.NOT_SERIOUS),
        ("ABC", MatchKind.PARTIAL, {"category": "STOLEN_VEHICLE"}, None),  # nothing is left open
        ("ABC1*", MatchKind.PARTIAL, {"category": "HOMICIDE", "priority": 1}, EntryFault.TOP_PRIORITY),
        ("ABC123", MatchKind.FUZZY, {"priority": 1}, EntryFault.TOP_PRIORITY),
        ("ABC123", MatchKind.FUZZY, {"priority": 2}, None),
    ],
)
def test_an_entry_that_asks_for_too_much_is_refused_with_the_reason(
    plate: str, kind: MatchKind, fields: dict[str, object], fault: EntryFault | None
) -> None:
    entry = an_entry(plate, match_kind=kind, **fields)
    assert fault_of(entry, SERIOUS) is fault
    if fault is None:
        check_kind(entry, SERIOUS)
    else:
        with pytest.raises(InvalidMessage) as refusal:
            check_kind(entry, SERIOUS)
        assert refusal.value.reason == fault.value
        assert plate not in str(refusal.value)


def test_categories_stay_unchecked_where_none_are_given() -> None:
    assert fault_of(an_entry("ABC1*", match_kind=MatchKind.PARTIAL), None) is None
