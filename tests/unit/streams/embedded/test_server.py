"""A server that cannot even be prepared is a sentence, not a traceback."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from platestream.errors import ConfigError
from streams.embedded.child import Program
from streams.embedded.java import ClassArchive
from streams.embedded.server import JavaServer


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "kafka"), subprocess.TimeoutExpired("x", 1)]
)
def test_what_goes_wrong_before_the_start_is_named(tmp_path: Path, error: Exception) -> None:
    def prepare(options: Sequence[str]) -> Program:
        raise error

    archive = ClassArchive(base=tmp_path / "base", file=tmp_path / "file", fresh=tmp_path / "fresh")
    server = JavaServer(prepare, lambda: True, archive, tmp_path / "run")
    with pytest.raises(ConfigError, match="A server cannot be prepared: .*; repair that path"):
        server.start()
    server.stop()
    assert server.pid is None
