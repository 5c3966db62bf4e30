"""Files and functions stay small: past these sizes an idea is missing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

FILES = [
    file
    for folder in ("platestream", "schemas", "streams", "processors", "sinks", "gateway", "bench", "tests")
    for file in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_file_and_its_functions_are_small(file: Path) -> None:
    source = file.read_text()
    assert len(source.splitlines()) <= MAX_FILE_LINES
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long


def test_names_say_what_is_inside() -> None:
    assert not [file for file in FILES if file.stem in FORBIDDEN_NAMES or FORBIDDEN_NAMES & set(file.parts)]
