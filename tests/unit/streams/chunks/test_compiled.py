"""What is kept of compiled code is used only while all that it was made of is as it was, in other files too."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.chunks.compiled import compiled

_ROOT = Path(__file__).parents[4]
_FOLDED = """
from streams.chunks.plates import folded_lines
from streams.chunks.records import records_of_values
print(folded_lines(records_of_values([bytes(4) + bytes([1, 6]) + b"QZO"]), [1])[0].decode().strip())
"""


def test_a_change_of_folding_is_in_force_at_once(tmp_path: Path) -> None:
    for package in ("platestream", "schemas", "streams", "processors", "sinks"):
        shutil.copytree(_ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    assert _folded(tmp_path) == "QZ0"
    assert list(tmp_path.rglob("*.nbi"))
    rule = tmp_path / "schemas" / "plates.py"
    rule.write_text(rule.read_text().replace('yzOI"', 'yzOIQ"').replace('YZ01"', 'YZ010"'))
    assert _folded(tmp_path) == "0Z0"


def test_what_is_not_looked_at_for_changes_is_not_compiled() -> None:
    with pytest.raises(ImportError, match="name its package there"):
        compiled(_folded)


def _folded(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _FOLDED], cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.strip()
