"""What reaches the log: one line an event, and no flood while a broker is away."""

import logging

import pytest

from platestream.logs import set_up_logs


@pytest.fixture
def root() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = handlers, level


def test_a_line_of_kafkas_client_comes_once_and_ours_each_time(
    root: object, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("processor", "INFO")
    for _ in range(3):
        logging.getLogger("aiokafka.consumer").error("Unable to update metadata from %s", [1])
        logging.getLogger("platestream.x").info("an event")
        logging.getLogger("faust.agents").info("chatter")
    lines = capsys.readouterr().err.splitlines()
    assert sum("Unable to update metadata from [1]" in line for line in lines) == 1
    assert sum(line.endswith("Z INFO processor platestream.x: an event") for line in lines) == 3
    assert len(lines) == 4
