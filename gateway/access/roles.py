"""What each role may do, in one table.

`yes` gives, `-` does not give, `no` forbids even to someone who has it by another role: who runs the machines or audits
the program does not use it. A role alone lets nobody search: authorization, training and purpose come on top.
"""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from streams.ledger.people import ROLES, Role

Action = Literal[
    "search",
    "register-case",
    "approve-access",
    "authorize-access",
    "record-training",
    "review-access",
    "assign-role",
    "delegate",
    "permit-tracking",
    "review-flags",
    "read-ledger",
    "revoke-access",
    "read-access",
    "suspend",
    "lift-suspension",
    "open-hold",
    "record-exculpatory",
    "change-hold",
    "read-holds",
    "export-evidence",
    "keep-suppressions",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
USES: frozenset[Action] = frozenset({"search", "export-evidence"})  # what shows stored reads

_TABLE = """
action             commander lpr-administrator investigator operator dispatcher auditor system-administrator 5b-keeper
search             -         -                 yes          yes      -          no      no                   -
register-case      yes       yes               yes          -        -          no      no                   -
approve-access     yes       -                 -            -        -          no      no                   -
authorize-access   -         yes               -            -        -          no      no                   -
record-training    yes       yes               -            -        -          no      no                   -
review-access      yes       yes               -            -        -          no      no                   -
assign-role        yes       -                 -            -        -          no      no                   -
delegate           yes       -                 -            -        -          no      no                   -
permit-tracking    yes       yes               -            -        -          no      no                   -
review-flags       yes       yes               -            -        -          yes     no                   -
read-ledger        yes       yes               -            -        -          yes     no                   -
revoke-access      yes       yes               -            -        -          no      no                   -
read-access        yes       yes               -            -        -          yes     no                   -
suspend            yes       yes               -            -        -          no      no                   -
lift-suspension    yes       -                 -            -        -          no      no                   -
open-hold          yes       yes               yes          -        -          no      no                   -
record-exculpatory yes       yes               -            -        -          no      no                   -
change-hold        yes       yes               yes          -        -          no      no                   -
read-holds         yes       yes               yes          -        -          yes     no                   -
export-evidence    -         -                 yes          -        -          no      no                   -
keep-suppressions  -         -                 -            -        -          no      no                   yes
"""


def _parse(table: str) -> Mapping[tuple[str, str], str]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {(row[0], role): cell for row in rows for role, cell in zip(header[1:], row[1:], strict=True)}


CELLS = _parse(_TABLE)


def may(roles: Collection[Role], action: Action) -> bool:
    """Whether someone with these roles may do it. What forbids wins. Keeps: program.administration"""
    cells = {CELLS[action, role] for role in roles}
    return "yes" in cells and "no" not in cells


def table() -> list[list[str]]:
    """The table with its header, row by row."""
    return [["action", *ROLES], *([action, *(CELLS[action, role] for role in ROLES)] for action in ACTIONS)]
