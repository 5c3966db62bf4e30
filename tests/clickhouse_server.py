"""Starts ClickHouse's HTTP interface (tests/clickhouse_http.py) on this machine."""

import subprocess
import sys
import time
from pathlib import Path

import httpx

_ROOT = Path(__file__).parents[1]


def start_clickhouse(folder: Path, port: int, password: str, log: Path) -> "subprocess.Popen[bytes]":
    """The process, once it answers. Its rows are in `folder`, so one that is started there again has them still."""
    command = [sys.executable, str(_ROOT / "tests" / "clickhouse_http.py"), str(folder), str(port), password, str(log)]
    process = subprocess.Popen(command, cwd=_ROOT)
    try:
        _wait_until_it_answers(process, port)
    except BaseException:
        process.kill()
        process.wait(30)
        raise
    return process


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            assert httpx.get(f"http://127.0.0.1:{port}/ping").text == "Ok.\n"
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")
