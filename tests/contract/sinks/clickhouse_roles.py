"""The grants of deploy/clickhouse-roles.sql as data, and what statements need."""

import re
from collections import defaultdict
from pathlib import Path

FILE = Path(__file__).parents[3] / "deploy" / "clickhouse-roles.sql"

Rights = dict[str, set[str]]  # by table, `system.` before those of the server

_GRANT = re.compile(r"GRANT ([A-Z, ]+) ON (\S+) TO (\w+)")
_NEEDS = (
    (re.compile(r"\bINSERT INTO (\w+)", re.IGNORECASE), "INSERT"),
    (re.compile(r"\bALTER TABLE (\w+) (?:DROP|DELETE)\b"), "ALTER DELETE"),
    (re.compile(r"\bTRUNCATE TABLE (\w+)"), "TRUNCATE"),
    (re.compile(r"\bOPTIMIZE TABLE (\w+)"), "OPTIMIZE"),
    (re.compile(r"\b(?:FROM|JOIN) ([a-z_.]+)(?![\w(])"), "SELECT"),
)


def statements() -> list[str]:
    """Without comments."""
    bare = re.sub(r"--.*$", "", FILE.read_text(), flags=re.MULTILINE)
    return [statement.strip() for statement in bare.split(";") if statement.strip()]


def rights() -> dict[str, Rights]:
    """What each role may do with each table."""
    found: dict[str, Rights] = defaultdict(lambda: defaultdict(set))
    for statement in statements():
        if grant := _GRANT.fullmatch(statement):
            found[grant[3]][grant[2].removeprefix("default.")].update(right.strip() for right in grant[1].split(","))
    return found


def allowed_to(*roles: str) -> set[tuple[str, str]]:
    """Right and table of all that somebody with these roles may do."""
    given = rights()
    return {(right, table) for role in roles for table, may in given[role].items() for right in may}


def needs(statement: str) -> set[tuple[str, str]]:
    """Right and table of each that a statement needs."""
    return {(right, table) for pattern, right in _NEEDS for table in pattern.findall(statement)}
