"""platestream (without cli) <- schemas <- streams <- {processors, sinks} <- gateway <- platestream.cli"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LEVELS = {"platestream": 0, "schemas": 1, "streams": 2, "processors": 3, "sinks": 3, "gateway": 4, "platestream.cli": 5}


def room_of(module: str) -> str:
    return (
        "platestream.cli"
        if module.startswith(("platestream.cli", "platestream.__main__"))
        else module.split(".", maxsplit=1)[0]
    )


def imports_of(source: str, package: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(package if node.level else f"{node.module}.{node.names[0].name}")
    return found


def is_allowed(importer: str, imported: str) -> bool:
    a, b = room_of(importer), room_of(imported)
    return b not in LEVELS or a == b or LEVELS[a] > LEVELS[b]


FILES = [file for room in LEVELS if "." not in room for file in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_back_along_the_path(file: Path) -> None:
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    wrong = [name for name in imports_of(file.read_text(), module) if not is_allowed(module, name)]
    assert not wrong, f"{module} may not import {wrong}"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("schemas.codec", "streams.clients"),
        ("processors.matching.agent", "sinks.clickhouse"),
        ("platestream.probe", "platestream.cli"),
        ("gateway.app", "platestream.cli.run"),
    ],
)
def test_a_wrong_direction_is_found(importer: str, imported: str) -> None:
    assert not is_allowed(importer, imported)
