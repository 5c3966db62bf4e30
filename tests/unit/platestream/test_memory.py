"""Freed memory is kept, where the C library is glibc."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
from platestream.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def take():
    return len([bytearray(b"x") * (4 << 20) for _ in range(8)])
take()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    take()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how: str) -> int:
    """Pages that a process had to take while it used the same megabytes again and again."""
    return int(subprocess.run([sys.executable, "-c", _FAULTS, how], check=True, capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these options")
def test_memory_that_was_freed_is_not_taken_from_the_system_again() -> None:
    assert _faults("kept") * 10 < _faults("given back")
