"""A process that is asked to end stops in order, whoever asks and how often."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.embedded.signals import interrupted_by_signals

ROOT = Path(__file__).parents[4]
CODE = """
import time
from streams.embedded.signals import interrupted_by_signals
with interrupted_by_signals():
    try:
        print("running", flush=True)
        time.sleep(300)
    finally:
        print("stopping", flush=True)
        time.sleep(0.3)
        print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_later_ones_do_not_break_the_stop(number: signal.Signals) -> None:
    argv = [sys.executable, "-c", CODE]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout and process.stdout.readline() == "running\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(again)
        output, errors = process.communicate(timeout=20)
    assert output == "stopped\n"
    assert "KeyboardInterrupt" in errors


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interrupted_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
