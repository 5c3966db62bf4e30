"""`make rules`: each clause of the order beside the code that keeps it and the tests that prove it.

Code claims a clause in a docstring ("Keeps: collection.closed"), a test with @pytest.mark.rule("collection.closed").
Faults, and so exit code 1: an id that docs/rules.toml does not know, a clause claimed on one side only, and a clause
of a landed capability without both sides.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
PACKAGES = ("platestream", "schemas", "streams", "processors", "sinks", "gateway")
_KEEPS = re.compile(r"Keeps:\s*([a-z0-9.,\s-]+?)(?:$|\n\s*\n|\n\s*[A-Z])")

Claims = dict[str, set[str]]


def claims_in_code(root: Path = ROOT) -> Claims:
    """Clause id -> places ("schemas/messages.py PlateRead") whose docstring claims it."""
    claims: Claims = defaultdict(set)
    for file, tree in _trees(root, PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for clause in kept_clauses(ast.get_docstring(node) or ""):
                    claims[clause].add(f"{file} {getattr(node, 'name', '')}".strip())
    return claims


def kept_clauses(docstring: str) -> list[str]:
    """The ids that a docstring claims."""
    return [
        clause for found in _KEEPS.findall(docstring) for clause in re.split(r"[,\s]+", found.strip(" .\n")) if clause
    ]


def claims_in_tests(root: Path = ROOT) -> Claims:
    """Clause id -> tests that carry its marker."""
    claims: Claims = defaultdict(set)
    for file, tree in _trees(root, ("tests",)):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for clause in _marked(node):
                    claims[clause].add(f"{file}::{node.name}")
    return claims


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule":
            yield from (ast.literal_eval(argument) for argument in decorator.args)


def _trees(root: Path, folders: tuple[str, ...]) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            yield str(file.relative_to(root)), ast.parse(file.read_text())


def faults(code: Claims, tests: Claims, register: dict[str, object]) -> list[str]:
    """Sentences on what is claimed wrongly; empty when code, tests and docs/rules.toml agree."""
    clauses: dict[str, dict[str, str]] = register["clauses"]  # type: ignore[assignment]
    landed: list[str] = register["landed"]  # type: ignore[assignment]
    found = [f"{c} is claimed but not in docs/rules.toml" for c in sorted({*code, *tests} - {*clauses})]
    for clause, about in clauses.items():
        if bool(code.get(clause)) != bool(tests.get(clause)):
            side, other = ("code", "a test") if code.get(clause) else ("a test", "code")
            found.append(f"{clause} is claimed by {side} but not by {other}")
        elif about["capability"] in landed and not code.get(clause):
            found.append(f"{clause} belongs to a landed capability ({about['capability']}) but nothing claims it")
    return found


def print_table(code: Claims, tests: Claims, register: dict[str, object]) -> None:
    table = Table(title="The order, clause by clause", show_lines=True)
    for column in ("clause", "holds", "code", "tests"):
        table.add_column(column, overflow="fold")
    for clause, about in register["clauses"].items():  # type: ignore[attr-defined]
        sides = ("\n".join(sorted(side.get(clause, ()))) for side in (code, tests))
        table.add_row(clause, f"{about['holds']} ({about['capability']})", *sides)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def main(arguments: list[str]) -> int:
    register = tomllib.loads((ROOT / "docs" / "rules.toml").read_text())
    code, tests = claims_in_code(), claims_in_tests()
    if "--quiet" not in arguments:
        print_table(code, tests, register)
    wrong = faults(code, tests, register)
    for sentence in wrong:
        sys.stderr.write(f"rules: {sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
