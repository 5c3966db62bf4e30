"""The check behind `make rules` finds what is claimed on one side only."""

import pytest

from tests.rules import faults, kept_clauses

REGISTER = {
    "landed": ["pipeline"],
    "clauses": {
        "a.landed": {"capability": "pipeline", "holds": ""},
        "b.later": {"capability": "gateway", "holds": ""},
    },
}
BOTH = {"a.landed": {"somewhere"}}


def test_agreement_has_no_faults() -> None:
    assert faults(BOTH, BOTH, REGISTER) == []


@pytest.mark.parametrize(
    ("code", "tests", "part"),
    [
        (BOTH, {}, "claimed by code but not by a test"),
        ({}, BOTH, "claimed by a test but not by code"),
        ({}, {}, "nothing claims it"),
        ({**BOTH, "b.later": {"x"}}, BOTH, "b.later is claimed by code"),
        ({**BOTH, "c.unknown": {"x"}}, {**BOTH, "c.unknown": {"x"}}, "not in docs/rules.toml"),
    ],
)
def test_each_fault_is_named(code: dict[str, set[str]], tests: dict[str, set[str]], part: str) -> None:
    assert any(part in sentence for sentence in faults(code, tests, REGISTER))


@pytest.mark.parametrize(
    ("docstring", "clauses"),
    [
        ("Only this. Keeps: collection.closed", ["collection.closed"]),
        ("Keeps: query.log, access.list\n\nMore.", ["query.log", "access.list"]),
        ("Keeps: query.log,\n    access.list\nRaises nothing.", ["query.log", "access.list"]),
        ("Keeps the list in order.", []),
    ],
)
def test_docstrings_are_read(docstring: str, clauses: list[str]) -> None:
    assert kept_clauses(docstring) == clauses
