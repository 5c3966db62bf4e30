"""What is said when a process ends at once: the place, never what was processed."""

import subprocess
import sys

import pytest

from platestream.ending import INTEGRITY, UNEXPECTED, describe
from platestream.errors import IntegrityError


def test_our_own_errors_are_told_by_their_sentence() -> None:
    assert describe(IntegrityError("Reads were lost.")) == "Reads were lost."


def test_others_are_told_by_kind_and_place_only() -> None:
    try:
        {}["SECRET"]
    except KeyError as error:
        said = describe(error)
    assert said.startswith("KeyError in test_others_are_told_by_kind_and_place_only (")
    assert "SECRET" not in said
    assert describe(ValueError("SECRET")) == "ValueError in an unknown place"


@pytest.mark.parametrize(("error", "code"), [("IntegrityError('gap')", INTEGRITY), ("KeyError('SECRET')", UNEXPECTED)])
def test_nothing_runs_after_it(error: str, code: int) -> None:
    program = f"""
import logging
from platestream.ending import end_process
from platestream.errors import IntegrityError
logging.basicConfig(format="%(message)s")
try:
    end_process({error})
finally:
    print("went on")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith("The process ends: ")
    assert "SECRET" not in ended.stderr
